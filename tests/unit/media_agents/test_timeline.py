"""Times that are read off packets, and where boxes lie."""

import struct
from pathlib import Path

import pytest

from media_agents.errors import MediaRefused
from media_agents.layout import Layout, layout
from media_agents.timeline import of_packets, read


def lines(*packets: tuple[float, str]) -> list[str]:
    return [f"{at},{at},0.040,100,{flags}" for at, flags in packets]


def test_steps_gaps_and_key_frames_are_measured() -> None:
    found = of_packets(
        read(lines((0, "K__"), (0.04, "___"), (0.08, "K__"), (0.5, "___")))
    )

    assert (found.start, found.frames, found.bytes) == (0, 4, 400)
    assert found.end == pytest.approx(0.54)
    assert found.gap == pytest.approx(0.42)
    assert found.step == pytest.approx(0.04)
    assert found.vfr
    assert found.key_gap == pytest.approx(0.46)
    assert not found.edited


def test_what_an_edit_list_hides_is_not_counted() -> None:
    found = of_packets(read(lines((-0.04, "KD_"), (0, "___"), (0.04, "___"))))

    assert (found.start, found.frames, found.edited) == (0, 2, True)


def test_without_a_time_of_showing_that_of_decoding_counts() -> None:
    (packet,) = read(["N/A,1.5,N/A,7,K__"])
    assert (packet.at, packet.seconds, packet.size, packet.key) == (1.5, None, 7, True)


def test_lines_of_another_form_are_left_out() -> None:
    assert read(["", "nonsense", "1,2"]) == []


def test_a_picture_without_frames_is_refused() -> None:
    with pytest.raises(MediaRefused) as refused:
        of_packets(read(["N/A,N/A,N/A,7,K__"]))
    assert refused.value.code == "no_frames"


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def edits(*media_times: int) -> bytes:
    entries = b"".join(struct.pack(">IiI", 1000, at, 65536) for at in media_times)
    return box(b"elst", struct.pack(">II", 0, len(media_times)) + entries)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (box(b"moov") + box(b"mdat"), Layout(fast_start=True)),
        (box(b"mdat") + box(b"moov"), Layout()),
        (box(b"moov", edits(0)) + box(b"mdat"), Layout(fast_start=True)),
        (box(b"moov", edits(1024)) + box(b"mdat"), Layout(True, True)),
        (box(b"mdat") + box(b"moov", edits(-1, 0)), Layout(edited=True)),
        (box(b"moov", b"elst") + box(b"mdat"), Layout(fast_start=True)),
        (b"", Layout()),
        (b"\0\0\0\1moov", Layout()),
        (b"\0\0\0\3moov" * 9, Layout()),
        (b"no boxes at all", Layout()),
    ],
)
def test_an_index_in_front_and_lists_of_edits_are_seen(
    tmp_path: Path, body: bytes, expected: Layout
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(body)
    assert layout(path) == expected
