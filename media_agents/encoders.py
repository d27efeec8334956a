"""Encoders by label: a hardware one is used only where a trial showed that it works."""

from collections.abc import Sequence

from msgspec import Struct

from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import Engine, Progress, encode
from media_agents.errors import MediaRefused, TryLater

# Threads change the bits of the result, so their number is never "auto"; and x264's
# own lookahead thread lets them follow the scheduler (measured: 4 of 20 runs differ
# on a busy machine, none of 20 without it). Pieces that are joined share one header.
ENCODER_THREADS = "2"
REPEATABLE = (
    "-threads",
    ENCODER_THREADS,
    "-x264-params",
    "sync-lookahead=0:stitchable=1",
)
TRIAL = ("-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=0.2", "-pix_fmt", "yuv420p")
# Drivers map far more memory than they use.
TRIAL_LIMITS = Limits(seconds=20, stall_seconds=20, memory_bytes=1 << 42)


class Encoder(Struct, frozen=True):
    """`quality` is what capped quality means to it; its name is part of every key."""

    label: str
    name: str
    quality: tuple[str, ...]
    hardware: bool = True


SOFTWARE = Encoder(
    "cpu",
    "libx264",
    ("-preset", "veryfast", *REPEATABLE, "-flags:v", "+bitexact", "-crf", "23"),
    hardware=False,
)  # fmt: skip
HARDWARE = (
    Encoder("nvenc", "h264_nvenc", ("-preset", "p4", "-rc", "vbr", "-cq", "23")),
    Encoder("qsv", "h264_qsv", ("-global_quality", "23", "-look_ahead", "1")),
    Encoder("videotoolbox", "h264_videotoolbox", ("-q:v", "60")),
)
BY_NAME = {each.name: each for each in (SOFTWARE, *HARDWARE)}


def wanted_encoder(needs: Sequence[str]) -> str:
    """The name of what a job asks for; without a wish it is software."""
    found = (each.name for each in HARDWARE if each.label in needs)
    return next(found, SOFTWARE.name)


async def proven(
    engine: Engine, candidates: Sequence[Encoder] = HARDWARE
) -> tuple[str, ...]:
    """Labels of those that encoded a trial on this machine just now."""
    return tuple([each.label for each in candidates if await _works(each, engine)])


async def _works(encoder: Encoder, engine: Engine) -> bool:
    made = [*TRIAL, "-c:v", encoder.name, *encoder.quality, "-f", "null", "-"]
    try:
        await encode(engine, made, progress=Progress(200, None), limits=TRIAL_LIMITS)
    except (MediaRefused, TryLater):
        return False
    return True
