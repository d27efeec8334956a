"""`contentops media render`: the worker's recipes on this machine, then an upload."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.progress import Progress

from infra.demo.client import Client, Thing
from infra.problem import Stop
from infra.settings import PREFIX, Settings
from infra.wiring import speech
from media_agents import errors
from media_agents.composing.arranging import Known, sources
from media_agents.composing.compose import Bench, compose, known_of
from media_agents.composing.compose import Wish as Film
from media_agents.composing.document import NotATimeline, parse, read
from media_agents.composing.estimating import DryRun
from media_agents.composing.estimating import dry_run as tried
from media_agents.composing.problems import Problem
from media_agents.engines.ffmpeg import Engine, find_engine
from media_agents.planning import CAPS
from media_agents.probe import probe
from media_agents.profiles import profiles
from media_agents.recipes import destination_of, make_video
from schemas.timeline import Source, Timeline

Say = Callable[[str], None]
Tell = Callable[[int], None]
KIND = "video/mp4"
# Of the bar's way the film takes this share where a destination's file follows.
FILM_SHARE = 0.6
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Wish:
    """`source` is a file, or the id of a timeline that the API has.

    `out` and `project` may both be given; a dry run needs neither.
    """

    source: Path
    profiles: tuple[str, ...] = ()
    out: Path | None = None
    project: str = ""
    dry_run: bool = False

    @property
    def timeline_id(self) -> str:
        named = _ID.fullmatch(str(self.source)) is not None
        return str(self.source) if named and not self.source.exists() else ""

    @property
    def is_timeline(self) -> bool:
        return bool(self.timeline_id) or self.source.suffix.lower() == ".json"


def render(settings: Settings, wish: Wish, say: Say) -> None:
    """Raises Stop for whatever a person can mend."""
    _check(settings, wish)
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(_render(settings, wish, Path(folder), say))
    except errors.MediaRefused as no:
        raise Stop(f"Refused: {no.reason}. {no.remedy}".strip()) from no
    except errors.TryLater as later:
        raise Stop(f"Not now: {later.reason}. Try again.") from later
    except errors.EngineMissing as missing:
        raise Stop(f"{missing}.") from missing
    except NotATimeline as wrong:
        raise Stop("\n".join(_line(each) for each in wrong.problems)) from wrong


def _check(settings: Settings, wish: Wish) -> None:
    if not wish.timeline_id and not wish.source.is_file():
        raise Stop(
            f"There is no file {wish.source}: give the path of one, or the id of a "
            "timeline.",
            code=2,
        )
    for name in wish.profiles:
        if name not in CAPS and name not in profiles():
            known = ", ".join((*CAPS, *profiles()))
            raise Stop(f"There is no profile {name}: use one of {known}.", code=2)
    if not wish.dry_run and wish.out is None and not wish.project:
        raise Stop(
            "Say where the result goes: --out FILE, or --project ID to upload it.",
            code=2,
        )
    if wish.out is not None and not wish.out.absolute().parent.is_dir():
        raise Stop(f"There is no folder {wish.out.parent}: make it first.", code=2)
    if wish.project or wish.timeline_id:
        _key(settings)


def _key(settings: Settings) -> str:
    if settings.client_key is None:
        raise Stop(
            f"There is no key for the API: set {PREFIX}CLIENT_KEY to one of "
            "`contentops key create`.",
            code=2,
        )
    return settings.client_key.get_secret_value()


def _client(settings: Settings) -> Client:
    url = settings.client_url or settings.api_url
    if settings.client_url is None and not settings.api_port:
        from infra.stack.announce import attached

        url = attached(settings).api_url
    return Client(url.rstrip("/"), _key(settings))


async def _render(settings: Settings, wish: Wish, folder: Path, say: Say) -> None:
    engine = find_engine(settings.ffmpeg)
    destination_of(wish.profiles)
    work = _timeline if wish.is_timeline else _video
    made = await work(_Steps(settings, wish, folder, engine), say)
    if made is not None:
        await asyncio.to_thread(_delivered, settings, wish, made, say)


async def _video(steps: "_Steps", say: Say) -> Path | None:
    source = steps.wish.source
    if steps.wish.dry_run:
        facts = await probe(source, steps.engine)
        say(f"{facts.seconds:.3f} s, {facts.width}x{facts.height}: usable")
        return None
    with _bar(source.name) as tell:
        return await steps.fitted(source, tell)


async def _timeline(steps: "_Steps", say: Say) -> Path | None:
    wish = steps.wish
    timeline = await asyncio.to_thread(_document, steps.settings, wish)
    files = await _files(steps.settings, wish, timeline, steps.folder)
    if wish.dry_run:
        _told(await _tried(wish, timeline, files, steps.engine), say)
        return None
    with _bar(wish.source.name) as tell:
        return await steps.filmed(timeline, files, tell)


@contextmanager
def _bar(name: str) -> Iterator[Tell]:
    with Progress(transient=True) as bar:
        task = bar.add_task(name, total=100)
        yield lambda percent: bar.update(task, completed=percent)


@dataclass(frozen=True, slots=True)
class _Steps:
    settings: Settings
    wish: Wish
    folder: Path
    engine: Engine

    async def filmed(
        self, timeline: Timeline, files: dict[str, Path], tell: Tell
    ) -> Path:
        """The film, and out of it the file that was asked for."""
        folder = self.folder / "film"
        folder.mkdir()
        wished, share = self.wish.profiles, FILM_SHARE if self.wish.profiles else 1.0
        destination = destination_of(wished)
        voice = speech(self.settings)
        film = Film(
            timeline=timeline, destination=destination.name if destination else ""
        )
        bench = Bench(
            self.engine, voice, folder, lambda percent: tell(int(percent * share))
        )
        try:
            made = await compose(film, files, bench)
        finally:
            await voice.close()
        if not wished:
            return made.file.path
        rest = 1 - share
        return await self.fitted(
            made.file.path, lambda p: tell(int(100 * share + p * rest))
        )

    async def fitted(self, source: Path, tell: Tell) -> Path:
        folder = self.folder / "video"
        folder.mkdir()
        video = await make_video(
            source, folder, engine=self.engine, wished=self.wish.profiles, progress=tell
        )
        found = (each for each in video.files if each.name == video.progressive)
        return next(found).path


def _document(settings: Settings, wish: Wish) -> Timeline:
    if not wish.timeline_id:
        return parse(wish.source.read_bytes())
    client = _client(settings)
    try:
        return read(client.get(f"/api/v1/timelines/{wish.timeline_id}")["document"])
    finally:
        client.close()


async def _files(
    settings: Settings, wish: Wish, timeline: Timeline, folder: Path
) -> dict[str, Path]:
    """Files beside the document as they lie, assets as the API hands them out."""
    found = {}
    for number, each in enumerate(sources(timeline)):
        if each.file:
            path = wish.source.parent / each.file
            if not path.is_file():
                raise Stop(f"There is no file {path}, which the timeline names.")
            found[each.name] = path
        elif each.asset:
            target = folder / f"asset-{number}"
            await asyncio.to_thread(_downloaded, settings, each, target)
            found[each.name] = target
        else:
            raise Stop(f"{each.object_key} lies in a store: name its asset instead.")
    return found


def _downloaded(settings: Settings, source: Source, target: Path) -> None:
    client = _client(settings)
    try:
        url = client.get(f"/api/v1/assets/{source.asset}").get("url")
    finally:
        client.close()
    if not url:
        raise Stop(f"Asset {source.asset} has no file yet: wait until it is ready.")
    with httpx.stream("GET", str(url), timeout=120, trust_env=False) as answer:
        if not answer.is_success:
            raise Stop(f"Asset {source.asset} cannot be fetched: try again.")
        with target.open("wb") as file:
            for block in answer.iter_bytes():
                file.write(block)


async def _tried(
    wish: Wish, timeline: Timeline, files: dict[str, Path], engine: Engine
) -> DryRun:
    known: dict[str, Known] = {}
    for name, path in files.items():
        known[name] = known_of(await probe(path, engine))
    destination = destination_of(wish.profiles)
    return tried(timeline, known, destination.name if destination else "")


def _told(run: DryRun, say: Say) -> None:
    """Raises Stop where the film could not be made."""
    for each in run.problems:
        if each.severity == "warning":
            say(f"warning: {_line(each)}")
    if not run.ok:
        wrong = [each for each in run.problems if each.severity == "error"]
        raise Stop("\n".join(map(_line, wrong)))
    found = run.estimate
    say(
        f"{found.seconds:.3f} s, {found.frames} frames; about {found.cpu_seconds:.0f} "
        f"CPU seconds, {found.weighted_seconds:.1f} s of 1080p30"
        + ("; marked as made by AI" if found.by_machine else "")
    )


def _line(problem: Problem) -> str:
    return f"{problem.pointer or '/'}: {problem.detail}. {problem.remedy}"


def _delivered(settings: Settings, wish: Wish, made: Path, say: Say) -> None:
    if wish.out is not None:
        shutil.copyfile(made, wish.out)
        say(f"Written to {wish.out} ({made.stat().st_size} bytes).")
    if wish.project:
        asset = _uploaded(settings, wish, made)
        say(f"Uploaded as asset {asset}.")


def _uploaded(settings: Settings, wish: Wish, made: Path) -> str:
    client = _client(settings)
    try:
        body: Thing = {
            "filename": f"{wish.source.stem}.mp4",
            "contentType": KIND,
            "size": made.stat().st_size,
            "projectId": wish.project,
        }
        asked = client.post("/api/v1/assets/presign", body)
        upload = asked["upload"]
        if not isinstance(upload, dict):
            raise Stop("The API signed no upload: update this program.")
        parts = client.put_file(upload, made)
        asset = str(asked["id"])
        client.post(f"/api/v1/assets/{asset}/complete", {"parts": parts})
        return asset
    finally:
        client.close()
