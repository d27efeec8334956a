"""The summary of ebur128, as ffmpeg prints it."""

import pytest

from media_agents.errors import MediaRefused
from media_agents.facts import Loudness
from media_agents.loudness import SILENCE, read

SUMMARY = """
[Parsed_ebur128_0 @ 0x55] Summary:

  Integrated loudness:
    I:         -18.4 LUFS
    Threshold: -28.5 LUFS

  Loudness range:
    LRA:         5.2 LU
    Threshold: -38.4 LUFS
    LRA low:   -21.0 LUFS
    LRA high:  -15.8 LUFS

  True peak:
    Peak:       -1.3 dBFS
"""


def test_the_summary_is_read() -> None:
    assert read(SUMMARY.splitlines()) == Loudness(lufs=-18.4, lra=5.2, peak_db=-1.3)


def test_silence_has_numbers_that_json_knows() -> None:
    silent = SUMMARY.replace("-18.4", "-70.0").replace("-1.3", "-inf")
    silent = silent.replace(" 5.2 LU", " 0.0 LU")
    assert read(silent.splitlines()) == SILENCE


def test_without_a_summary_there_is_nothing_to_say() -> None:
    with pytest.raises(MediaRefused):
        read(SUMMARY.splitlines()[:8])
