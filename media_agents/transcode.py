"""Encodes what a plan wants: one process, one decode, one file per rung.

A long picture is made in pieces, each by such a process.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from media_agents.beside import beside
from media_agents.encoders import BY_NAME, SOFTWARE, TRIAL_LIMITS
from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import (
    INPUT_GUARD,
    MAX_PIXELS,
    Engine,
    Progress,
    encode,
)
from media_agents.labelling import NO_LABELS, Labels
from media_agents.pace import UNKNOWN_PACE, Pace
from media_agents.pieces import (
    PIECE_SECONDS,
    RESTART,
    Kept,
    Piece,
    begin,
    check,
    join,
    name_of,
    pieces,
    seek,
)
from media_agents.planning import Plan, Rung, Track, weighted_seconds
from media_agents.sounding import make_sound
from media_agents.subtitles.burning import step

GOP_SECONDS = 2
_BITEXACT = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact")
TO_SDR = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
)


@dataclass(frozen=True, slots=True)
class Terms:
    """Pieces of a long picture go to `kept` once finished, and come from there."""

    pace: Pace = UNKNOWN_PACE
    kept: Kept | None = None
    piece_seconds: int = PIECE_SECONDS
    encoder: str = SOFTWARE.name


PLAIN = Terms()


@dataclass(frozen=True, slots=True)
class Renditions:
    """Local files; sound as AAC, words as WebVTT."""

    videos: tuple[tuple[Rung, Path], ...]
    sounds: tuple[tuple[Track, Path], ...] = ()
    captions: tuple[tuple[Track, Path], ...] = ()
    labels: Labels = NO_LABELS


def arguments(
    path: Path, wanted: Plan, out_dir: Path, *, encoded: bool = True
) -> list[str]:
    """One process: decode once, split, encode every rung, take words along."""
    made = _input(path)
    if encoded and wanted.encoded:
        made += ["-filter_complex", filter_graph(wanted, out_dir)]
    if wanted.copies:
        made += _copied_picture(wanted, out_dir)
    for number, rung in enumerate(wanted.encoded if encoded else ()):
        made += _video_output(number, rung, wanted, _video_path(out_dir, rung))
    for number, track in enumerate(wanted.captions):
        made += ["-map", f"0:{track.index}", *_BITEXACT, "-c:s", "webvtt"]
        made.append(f"file:{_caption_path(out_dir, number)}")
    return made


def piece_arguments(path: Path, wanted: Plan, out_dir: Path, piece: Piece) -> list[str]:
    """One process for one piece of every encoded rung."""
    made = _input(path, seek(piece))
    made += ["-filter_complex", filter_graph(wanted, out_dir, piece)]
    many = [] if piece.frames is None else ["-frames:v", str(piece.frames)]
    for number, rung in enumerate(wanted.encoded):
        target = out_dir / name_of(piece, rung.name)
        made += _video_output(number, rung, wanted, target, many)
    return made


def _input(path: Path, before: Sequence[str] = ()) -> list[str]:
    guarded = (*INPUT_GUARD, "-max_pixels", str(MAX_PIXELS), *before)
    return ["-max_alloc", str(512 << 20), *guarded, "-i", f"file:{path}"]


def filter_graph(
    wanted: Plan, folder: Path = Path(), piece: Piece | None = None
) -> str:
    """Words to draw lie in the folder.

    A rung is scaled from the one before it: 13 % of a ladder's processor time less than
    each from the source, and 0.07 VMAF of the third rung (1080p, 720p, 480p).
    """
    drawn = [step(folder), "format=yuv420p"] if wanted.burnt else []
    last = ",".join([*drawn, *([RESTART] if piece else [])]) or "null"
    chains = [f"[0:{wanted.video_index}]{_first(wanted, piece)}[t0]"]
    for n, rung in enumerate(wanted.encoded):
        scaled = ",".join(_scaling(rung, boxed=wanted.boxed))
        if rung == wanted.encoded[-1]:
            chains.append(f"[t{n}]{scaled},{last}[v{n}]")
        else:
            chains.append(f"[t{n}]{scaled},split[p{n}][t{n + 1}]")
            chains.append(f"[p{n}]{last}[v{n}]")
    return ";".join(chains)


def _first(wanted: Plan, piece: Piece | None) -> str:
    on_its_way = [each for rung in wanted.through for each in _scaling(rung)]
    return ",".join([*_prepared(wanted, piece), *on_its_way]) or "null"


def _prepared(wanted: Plan, piece: Piece | None) -> list[str]:
    # Constant rate comes before the split: all rungs then share every timestamp.
    # Beside a copied picture every frame of the source has to stay.
    whole = [] if wanted.copies else [f"fps={wanted.frame_rate}:start_time=0"]
    return [
        *(["bwdif"] if wanted.deinterlace else []),
        *(begin(piece, wanted) if piece else whole),
        *([TO_SDR] if wanted.to_sdr else []),
    ]


def _scaling(rung: Rung, *, boxed: bool = False) -> list[str]:
    exact = "flags=bicubic+accurate_rnd+bitexact"
    colour = "out_color_matrix=bt709:out_range=tv"
    size = f"{rung.width}:{rung.height}"
    if not boxed:
        return [f"scale={size}:{exact}:{colour}", "setsar=1", "format=yuv420p"]
    within = "force_original_aspect_ratio=decrease:force_divisible_by=2"
    return [
        # Pixels that are not square first: what is kept below is their shape.
        f"scale=iw*sar:ih:{exact}:{colour}",
        "setsar=1",
        f"scale={size}:{within}:{exact}",
        "format=yuv420p",
        f"pad={size}:-1:-1",
    ]


def _copied_picture(wanted: Plan, out_dir: Path) -> list[str]:
    return [
        *("-map", f"0:{wanted.video_index}", "-an", "-sn", "-dn", *_BITEXACT),
        *("-c:v", "copy", "-movflags", "+faststart"),
        f"file:{_video_path(out_dir, wanted.rungs[0])}",
    ]


def _video_output(
    number: int, rung: Rung, wanted: Plan, target: Path, many: Sequence[str] = ()
) -> list[str]:
    cap = rung.max_bit_rate
    return [
        *("-map", f"[v{number}]", "-an", "-sn", "-dn", *_BITEXACT),
        *("-c:v", wanted.encoder, *BY_NAME[wanted.encoder].quality),
        *("-profile:v", "high", "-maxrate", str(cap), "-bufsize", str(2 * cap)),
        *_key_frames(wanted),
        *(() if wanted.edit_list else ("-bf", "0")),
        *("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"),
        *(*many, "-movflags", "+faststart", f"file:{target}"),
    ]


def _key_frames(wanted: Plan) -> tuple[str, ...]:
    """Every two seconds, or exactly where the copied picture has them."""
    if wanted.copies:
        return ("-force_key_frames", "source", "-g", "9999", "-keyint_min", "1",
                "-sc_threshold", "0")  # fmt: skip
    gop = str(max(1, round(Fraction(wanted.frame_rate) * GOP_SECONDS)))
    return ("-g", gop, "-keyint_min", gop, "-sc_threshold", "0")


def _video_path(out_dir: Path, rung: Rung) -> Path:
    return out_dir / f"encoded-{rung.name}.mp4"


def _sound_path(out_dir: Path, number: int) -> Path:
    return out_dir / f"encoded-sound-{number}.m4a"


def _caption_path(out_dir: Path, number: int) -> Path:
    return out_dir / f"encoded-words-{number}.vtt"


async def transcode(
    path: Path,
    wanted: Plan,
    out_dir: Path,
    *,
    engine: Engine,
    progress: Callable[[int], None] | None = None,
    terms: Terms = PLAIN,
) -> Renditions:
    """Writes into `out_dir`, which belongs to this job alone."""
    work = Encoding(path, wanted, out_dir, engine, terms)
    _, sounds = await beside(
        work.pictures(progress or silent), _sounds(path, wanted, out_dir, engine)
    )
    return Renditions(
        tuple((rung, _video_path(out_dir, rung)) for rung in wanted.rungs),
        sounds,
        tuple((t, _caption_path(out_dir, n)) for n, t in enumerate(wanted.captions)),
        wanted.labels,
    )


@dataclass(frozen=True, slots=True)
class Encoding:
    """What every process of one transcode shares."""

    path: Path
    wanted: Plan
    out_dir: Path
    engine: Engine
    terms: Terms

    async def pictures(self, tell: Callable[[int], None]) -> None:
        """Words come along, for they cost nothing."""
        seconds = self.terms.piece_seconds
        if cut := await pieces(self.path, self.wanted, self.engine, seconds):
            await self.in_pieces(cut, tell)
        else:
            line = arguments(self.path, self.wanted, self.out_dir)
            await self.run(line, self.wanted.seconds, tell)

    async def run(
        self, line: Sequence[str], seconds: float, tell: Callable[[int], None]
    ) -> None:
        share = seconds / max(self.wanted.seconds, 0.001)
        budget = self.terms.pace.budget(seconds, share * weighted_seconds(self.wanted))
        await encode(
            self.engine,
            line,
            progress=Progress(int(seconds * 1000), tell),
            limits=self._limits(budget),
        )

    def _limits(self, seconds: float) -> Limits:
        limits = Limits(seconds=seconds, cpu_seconds=int(seconds * 4))
        hardware = BY_NAME[self.wanted.encoder].hardware
        memory = TRIAL_LIMITS.memory_bytes
        return replace(limits, memory_bytes=memory) if hardware else limits

    async def in_pieces(
        self, cut: Sequence[Piece], tell: Callable[[int], None]
    ) -> None:
        """What needs no encoder comes first: it is soon done again."""
        rest = arguments(self.path, self.wanted, self.out_dir, encoded=False)
        if self.wanted.copies or self.wanted.captions:
            await self.run(rest, self.wanted.seconds, silent)
        for piece in cut:
            await self._piece(piece, _part(tell, piece.number, len(cut)))
        for rung in self.wanted.encoded:
            target = _video_path(self.out_dir, rung)
            await join(cut, rung.name, self.out_dir, target, engine=self.engine)

    async def _piece(self, piece: Piece, tell: Callable[[int], None]) -> None:
        kept = self.terms.kept
        names = [name_of(piece, rung.name) for rung in self.wanted.encoded]
        if kept and all([await kept.fetch(n, self.out_dir / n) for n in names]):
            return
        line = piece_arguments(self.path, self.wanted, self.out_dir, piece)
        await self.run(line, float(piece.seconds), tell)
        await check(piece, self.out_dir / names[-1], engine=self.engine)
        if kept:
            for name in names:
                await kept.keep(name, self.out_dir / name)


def _part(tell: Callable[[int], None], number: int, many: int) -> Callable[[int], None]:
    return lambda percent: tell((100 * number + percent) // many)


def silent(_percent: int) -> None:
    return None


async def _sounds(
    path: Path, wanted: Plan, out_dir: Path, engine: Engine
) -> tuple[tuple[Track, Path], ...]:
    made = []
    for number, track in enumerate(wanted.sounds):
        target = _sound_path(out_dir, number)
        await make_sound(path, track, wanted, target, engine=engine)
        made.append((track, target))
    return tuple(made)
