"""Pictures out of a video: of exact moments, in its colours."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from media_agents.cover import full_size
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused
from media_agents.frames import AT_ONCE, frames_at

FRAMES, RATE = 60, 25
RED = (224, 32, 32)


def encode(engine: Engine, path: Path, *source: str) -> Path:
    known = ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"]
    shape = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
    x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-bf", "2"]
    line = [engine.ffmpeg, "-v", "error", "-y", *source, "-vf", shape, *x264, *known]
    subprocess.run([*line, str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def counting(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each frame has its number in six black or white fields."""
    folder = tmp_path_factory.mktemp("counting")
    for number in range(FRAMES):
        frame = Image.new("RGB", (192, 64))
        for bit in range(6):
            if number >> bit & 1:
                frame.paste("white", (bit * 32, 0, bit * 32 + 32, 64))
        frame.save(folder / f"{number:03}.png")
    pictures = ("-framerate", str(RATE), "-i", str(folder / "%03d.png"))
    return encode(engine, folder / "counting.mp4", *pictures)


def number(path: Path) -> int:
    with Image.open(path) as frame:
        grey = frame.convert("L").point(lambda level: 255 * (level > 128))
    fields = [grey.getpixel((bit * 32 + 16, 32)) == 255 for bit in range(6)]
    return sum(lit << bit for bit, lit in enumerate(fields))


async def numbers(
    engine: Engine, video: Path, moments: Sequence[float], folder: Path
) -> list[int]:
    return [
        number(path) for path in await frames_at(video, moments, folder, engine=engine)
    ]


async def test_the_frame_within_half_a_frame_of_each_moment(
    engine: Engine, counting: Path, tmp_path: Path
) -> None:
    exact = [each / RATE for each in (0, 1, 17, 49, 50, 51, 59)]
    early, late = 0.4 / RATE, 0.4 / RATE

    assert await numbers(engine, counting, exact, tmp_path) == [
        0, 1, 17, 49, 50, 51, 59,
    ]  # fmt: skip
    moments = [17 / RATE - early, 17 / RATE + late, 50 / RATE - early, 50 / RATE + late]
    assert await numbers(engine, counting, moments, tmp_path) == [17, 17, 50, 50]


async def test_any_order_any_number_and_the_very_end(
    engine: Engine, counting: Path, tmp_path: Path
) -> None:
    wanted = [*range(59, 59 - 3 * AT_ONCE, -2), 59, 59]
    moments = [each / RATE for each in wanted]
    moments[-1] = FRAMES / RATE

    assert await numbers(engine, counting, moments, tmp_path) == wanted


@pytest.mark.parametrize("moment", [-0.1, FRAMES / RATE + 0.1, 1e9])
async def test_a_moment_outside_is_refused(
    engine: Engine, counting: Path, tmp_path: Path, moment: float
) -> None:
    with pytest.raises(MediaRefused, match="no_such_moment") as no:
        await frames_at(counting, [0.0, moment], tmp_path, engine=engine)

    assert "2.4" in no.value.reason
    assert no.value.remedy


async def test_frames_and_covers_have_the_colours_of_the_video(
    engine: Engine, tmp_path: Path
) -> None:
    source = ("-f", "lavfi", "-i", "color=0xE02020:s=1280x720:r=25:d=1")
    video = encode(engine, tmp_path / "red.mp4", *source)
    taken = [
        *await frames_at(video, [0.5], tmp_path, engine=engine),
        *await full_size(video, [0.0], tmp_path, engine=engine),
    ]

    for path in taken:
        with Image.open(path) as found:
            pixel = found.convert("RGB").getpixel((640, 360))
        assert isinstance(pixel, tuple)
        assert all(abs(a - b) <= 6 for a, b in zip(pixel, RED, strict=True)), path
