"""Object names, addresses that may be fetched, and what FFmpeg's answers mean."""

import signal
from collections import deque
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_agents.engines.ffmpeg import Progress, judge
from media_agents.errors import FetchRefused, MediaRefused, TryLater
from media_agents.fetch import check_url, is_public
from media_agents.storage import object_key, own_prefix, safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("clip.mp4", "clip.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\films\\a b.mov", "a_b.mov"),
        ("宣传片 1.mp4", "宣传片_1.mp4"),
        ("...", "file"),
        ("${filename}", "filename_"),
        ("<script>.mp4", "script_.mp4"),
    ],
)
def test_a_users_file_name_loses_what_could_hurt(name, safe):
    assert safe_name(name) == safe


@given(st.text())
def test_every_name_becomes_one_short_segment_below_its_tenant(name):
    key = object_key("t_1", "assets", "id", name)
    assert len(key.split("/")) == 4
    assert 1 <= len(key.split("/")[3].encode()) <= 120
    assert own_prefix("t_1", key)


def test_a_long_name_keeps_its_suffix():
    assert safe_name("片" * 200 + ".mp4").endswith("片.mp4")


@pytest.mark.parametrize(
    "key",
    ["t_2/assets/a", "t_1", "t_1/", "t_1/../t_2/a", "/t_1/a", "t_10/a", "t_1//a", ""],
)
def test_keys_outside_a_tenants_prefix_are_not_its_own(key):
    assert not own_prefix("t_1", key)


def test_no_tenant_owns_nothing():
    assert not own_prefix("", "/a")


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "::7f00:1"),
    ],
)
def test_addresses_inside_a_network_are_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://video.example/a.mp4", "bad_scheme"),
        ("file:///etc/passwd", "bad_scheme"),
        ("ftp://video.example/a", "bad_scheme"),
        ("https:///a.mp4", "bad_scheme"),
        ("video.example/a.mp4", "bad_scheme"),
        ("https://me:secret@video.example/a", "bad_url"),
        ("https://video.example:9092/", "bad_port"),
        ("https://[::1", "bad_url"),
    ],
)
def test_addresses_of_the_wrong_form_are_refused(url, code):
    with pytest.raises(FetchRefused) as refused:
        check_url(url)
    assert refused.value.code == code
    assert refused.value.remedy


def test_progress_only_rises_and_stays_below_one_hundred():
    told: list[int] = []
    progress = Progress(1000, told.append)
    lines = ["out_time_us=N/A", "out_time_us=-20", "out_time_us=400000", "speed=1x"]
    lines += ["out_time_us=300000", "out_time_us=404000", "out_time_us=2000000"]
    for line in lines:
        progress.read(line)
    assert told == [40, 99]


def test_growth_is_what_the_watchdog_counts():
    progress = Progress(1000, None)
    assert progress.read("total_size=48")
    assert not progress.read("total_size=48")
    assert not progress.read("progress=continue")


@pytest.mark.parametrize(
    ("code", "line", "reaction"),
    [
        (1, "x: No space left on device", TryLater),
        (-signal.SIGKILL, "", TryLater),
        (1, "Cannot allocate memory", TryLater),
        (-signal.SIGXCPU, "", MediaRefused),
        (-signal.SIGXFSZ, "", MediaRefused),
        (1, "Invalid data found", MediaRefused),
    ],
)
def test_an_exit_code_names_the_reaction(code, line, reaction):
    with pytest.raises(reaction):
        judge(code, deque([line] if line else []))
