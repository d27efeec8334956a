"""Rules of the words shown with an asset in one language: versions that follow."""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import asdict, replace

from schemas.commands.subtitle import (
    ChooseSubtitle,
    FailSubtitle,
    PutSubtitle,
    RecordSubtitle,
    RequestSubtitle,
    SubtitleCommand,
)
from schemas.events.subtitle import (
    SubtitleChosen,
    SubtitleEdited,
    SubtitleEvent,
    SubtitleFailed,
    SubtitleMade,
    SubtitleRequested,
    SubtitleTranslated,
)
from schemas.jobs import SubtitleText
from streams.domain.rejected import Rejected, missing

MOST_VERSIONS = 500


class Subtitle(Struct, frozen=True):
    """`waiting`: what is being made; `current`: the number that counts, 0 = none.

    `told`: jobs whose end is known, so that an old one is never taken for a new one.
    """

    asset_id: str = ""
    language: str = ""
    texts: tuple[SubtitleText, ...] = ()
    current: int = 0
    waiting: SubtitleRequested | None = None
    told: frozenset[str] = frozenset()


initial = Subtitle()


def decide(command: SubtitleCommand, subtitle: Subtitle) -> SubtitleEvent | None:
    match command:
        case RequestSubtitle():
            return _request(command, subtitle)
        case PutSubtitle():
            return _put(command, subtitle)
        case ChooseSubtitle():
            return _choose(command, subtitle)
        case RecordSubtitle():
            return _record(command, subtitle)
        case FailSubtitle():
            return _fail(command, subtitle)
        case _:
            assert_never(command)


def _request(command: RequestSubtitle, subtitle: Subtitle) -> SubtitleEvent | None:
    wanted = SubtitleRequested(**asdict(command))
    if subtitle.waiting == wanted:
        return None
    if subtitle.waiting is not None:
        raise Rejected(
            "conflict",
            "subtitle_in_work",
            "Subtitles of this language are being made; wait until that has ended.",
        )
    _room(subtitle)
    return wanted


def _put(command: PutSubtitle, subtitle: Subtitle) -> SubtitleEvent | None:
    now = _current(subtitle)
    if command.text.source == "edit" and now is None:
        raise missing("subtitle")
    if now is not None and now.sha256 == command.text.sha256:
        return None
    text = _numbered(command.text, subtitle)
    if command.text.source == "edit":
        return SubtitleEdited(asset_id=command.asset_id, text=text)
    return SubtitleMade(asset_id=command.asset_id, text=text)


def _choose(command: ChooseSubtitle, subtitle: Subtitle) -> SubtitleEvent | None:
    if not 1 <= command.number <= len(subtitle.texts):
        raise missing("version")
    if command.number == subtitle.current:
        return None
    text = subtitle.texts[command.number - 1]
    return SubtitleChosen(asset_id=subtitle.asset_id, text=text)


def _record(command: RecordSubtitle, subtitle: Subtitle) -> SubtitleEvent | None:
    wanted = subtitle.waiting
    if wanted is None or command.job_id in subtitle.told:
        return None
    result = command.result
    text = _numbered(result.text, subtitle)
    if wanted.of is None:
        return SubtitleMade(
            asset_id=wanted.asset_id,
            text=text,
            job_id=command.job_id,
            provider=result.provider,
            model_name=result.model_name,
        )
    return SubtitleTranslated(
        asset_id=wanted.asset_id,
        text=text,
        of=wanted.of,
        job_id=command.job_id,
        provider=result.provider,
        model_name=result.model_name,
        usage=result.usage,
    )


def _fail(command: FailSubtitle, subtitle: Subtitle) -> SubtitleEvent | None:
    wanted = subtitle.waiting
    if wanted is None or command.job_id in subtitle.told:
        return None
    return SubtitleFailed(
        asset_id=wanted.asset_id,
        language=wanted.language,
        job_id=command.job_id,
        code=command.code,
        reason=command.reason,
    )


def _current(subtitle: Subtitle) -> SubtitleText | None:
    return subtitle.texts[subtitle.current - 1] if subtitle.current else None


def _numbered(text: SubtitleText, subtitle: Subtitle) -> SubtitleText:
    _room(subtitle)
    return replace(text, number=len(subtitle.texts) + 1)


def _room(subtitle: Subtitle) -> None:
    if len(subtitle.texts) >= MOST_VERSIONS:
        raise Rejected(
            "conflict",
            "too_many_versions",
            f"There are {MOST_VERSIONS} versions; choose one of them.",
        )


def evolve(subtitle: Subtitle, event: SubtitleEvent) -> Subtitle:
    match event:
        case SubtitleRequested(asset_id=asset_id, language=language):
            return replace(
                subtitle, asset_id=asset_id, language=language, waiting=event
            )
        case SubtitleMade() | SubtitleEdited() | SubtitleTranslated():
            return _grown(subtitle, event)
        case SubtitleChosen(text=text):
            return replace(subtitle, current=text.number)
        case SubtitleFailed(job_id=job_id):
            return _ended(subtitle, job_id)
        case _:
            assert_never(event)


def _grown(
    subtitle: Subtitle, event: SubtitleMade | SubtitleEdited | SubtitleTranslated
) -> Subtitle:
    job_id = "" if isinstance(event, SubtitleEdited) else event.job_id
    ended = _ended(subtitle, job_id) if job_id else subtitle
    return replace(
        ended,
        asset_id=event.asset_id,
        language=event.text.language,
        texts=(*subtitle.texts, event.text),
        current=event.text.number,
    )


def _ended(subtitle: Subtitle, job_id: str) -> Subtitle:
    return replace(subtitle, waiting=None, told=subtitle.told | {job_id})
