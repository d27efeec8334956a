"""Rules of a copy: a brief, the texts a model answered, and a person's yes."""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.content import (
    ApproveCopy,
    CopyCommand,
    EditCopy,
    FailCopy,
    RecordCopy,
    RequestCopy,
    RestoreCopy,
    TranslateCopy,
    UseCopy,
)
from schemas.events.content import (
    CopyApproved,
    CopyEvent,
    CopyFailed,
    CopyGenerated,
    CopyRequested,
    CopyRevised,
    CopyTranslationRequested,
    CopyUsed,
)
from streams.domain.rejected import Rejected, exists, missing

BRIEF_LIMIT = 20_000
MOST_VERSIONS = 100


class Version(Struct, frozen=True):
    text: str
    lang: str


class Copy(Struct, frozen=True):
    """`versions` in their order: the variants first, then whatever was made of them.

    `translating` is what a model works on, `uses` the publications planned since
    the last revision.
    """

    requested: CopyRequested | None = None
    variants: tuple[str, ...] = ()
    approved: CopyApproved | None = None
    failed: bool = False
    versions: tuple[Version, ...] = ()
    translating: CopyTranslationRequested | None = None
    uses: tuple[str, ...] = ()


initial = Copy()


def decide(command: CopyCommand, copy: Copy) -> CopyEvent | None:
    if isinstance(command, RequestCopy):
        return _request(command, copy)
    if copy.requested is None:
        raise missing("copy")
    match command:
        case RecordCopy() | FailCopy():
            return _answered(command, copy)
        case ApproveCopy():
            return _approve(command, copy)
        case EditCopy() | RestoreCopy() | TranslateCopy():
            return _revise(command, copy)
        case UseCopy(publication_id=publication_id, text=text):
            return _use(publication_id, text, copy)
        case _:
            assert_never(command)


def _request(command: RequestCopy, copy: Copy) -> CopyEvent | None:
    if not command.brief.strip() or len(command.brief) > BRIEF_LIMIT:
        raise Rejected(
            "invalid",
            "brief_length",
            f"A brief has 1 to {BRIEF_LIMIT} characters.",
            pointer="/brief",
        )
    wanted = CopyRequested(
        project_id=command.project_id,
        video_id=command.video_id,
        task=command.task,
        platform=command.platform,
        brief=command.brief,
        model=command.model,
        lang=command.lang,
        variants=command.variants,
    )
    if copy.requested not in (None, wanted):
        raise exists("copy")
    return wanted if copy.requested is None else None


def _answered(command: RecordCopy | FailCopy, copy: Copy) -> CopyEvent | None:
    """The first answer is the copy; later ones are translations that were asked for."""
    translating = copy.translating is not None
    match command:
        case RecordCopy(result=result):
            if not copy.variants:
                return _generated(command)
            return _translated(command, copy) if result.output else None
        case FailCopy(job_id=job_id, code=code, reason=reason):
            if (copy.variants or copy.failed) and not translating:
                return None
            return CopyFailed(job_id, code, reason, translating)


def _translated(command: RecordCopy, copy: Copy) -> CopyRevised | None:
    wanted, result = copy.translating, command.result
    if wanted is None:
        return None
    return CopyRevised(
        number=len(copy.versions) + 1,
        kind="translation",
        text=result.output[0],
        lang=wanted.lang,
        source=wanted.number,
        provider=result.provider,
        model_name=result.model_name,
        prompt_version=result.prompt_version,
        job_id=command.job_id,
        uses=copy.uses,
    )


def _generated(command: RecordCopy) -> CopyGenerated:
    result = command.result
    return CopyGenerated(
        job_id=command.job_id,
        variants=result.output,
        provider=result.provider,
        model_name=result.model_name,
        usage=result.usage,
        degraded=result.degraded,
        prompt_hash=result.prompt_hash,
        prompt_version=result.prompt_version,
        arm=result.arm,
    )


def _approve(command: ApproveCopy, copy: Copy) -> CopyEvent | None:
    _refuse_unready(copy)
    if command.number:
        version = _version(command.number, copy)
        wanted = CopyApproved(command.variant, version.text, command.number)
    else:
        wanted = _of_variant(command, copy)
    return None if copy.approved == wanted else wanted


def _of_variant(command: ApproveCopy, copy: Copy) -> CopyApproved:
    if not 0 <= command.variant < len(copy.variants):
        raise Rejected(
            "invalid",
            "variant_unknown",
            f"Choose a variant from 0 to {len(copy.variants) - 1}.",
            pointer="/variant",
        )
    text = copy.variants[command.variant]
    if command.text in ("", text):
        return CopyApproved(command.variant, text, command.variant + 1)
    if copy.approved and copy.approved.text == command.text:
        return copy.approved
    number = len(copy.versions) + 1
    return CopyApproved(command.variant, command.text, number, edited=True)


def _revise(
    command: EditCopy | RestoreCopy | TranslateCopy, copy: Copy
) -> CopyRevised | CopyTranslationRequested | None:
    _refuse_unready(copy)
    match command:
        case EditCopy(text=text):
            _refuse_text(text)
            return _revised("edit", Version(text, copy.versions[-1].lang), copy, 0)
        case RestoreCopy(number=number):
            return _revised("restore", _version(number, copy), copy, number)
        case TranslateCopy():
            return _translate(command, copy)
        case _:
            assert_never(command)


def _revised(kind: str, made: Version, copy: Copy, source: int) -> CopyRevised | None:
    count = len(copy.versions)
    if made == copy.versions[-1]:
        return None
    return CopyRevised(
        count + 1, kind, made.text, made.lang, source or count, uses=copy.uses
    )


def _translate(command: TranslateCopy, copy: Copy) -> CopyTranslationRequested | None:
    number = command.number or len(copy.versions)
    text = _version(number, copy).text
    asked = copy.requested
    wanted = CopyTranslationRequested(
        number=number,
        text=text,
        lang=command.lang,
        project_id=asked.project_id if asked else "",
        platform=asked.platform if asked else "",
        model=command.model,
    )
    if copy.translating not in (None, wanted):
        raise Rejected("conflict", "copy_in_work", "Wait for the other translation.")
    return None if copy.translating == wanted else wanted


def _use(publication_id: str, text: str, copy: Copy) -> CopyUsed | None:
    if publication_id in copy.uses:
        return None
    changed = copy.approved is None or copy.approved.text != text
    return CopyUsed(publication_id, changed)


def _refuse_unready(copy: Copy) -> None:
    if not copy.variants:
        raise Rejected(
            "conflict",
            "copy_not_ready",
            "Wait until the text is generated, then approve it.",
        )
    if len(copy.versions) >= MOST_VERSIONS:
        raise Rejected(
            "conflict", "too_many_versions", "Go on in a new copy: this one is full."
        )


def _refuse_text(text: str) -> None:
    if not text.strip() or len(text) > BRIEF_LIMIT:
        raise Rejected(
            "invalid",
            "text_length",
            f"A text has 1 to {BRIEF_LIMIT} characters.",
            pointer="/text",
        )


def _version(number: int, copy: Copy) -> Version:
    if not 0 < number <= len(copy.versions):
        raise missing("version")
    return copy.versions[number - 1]


def evolve(copy: Copy, event: CopyEvent) -> Copy:
    match event:
        case CopyRequested():
            return Copy(requested=event)
        case CopyGenerated(variants=variants):
            versions = tuple(Version(each, _lang(copy)) for each in variants)
            return Copy(copy.requested, variants, versions=versions)
        case CopyFailed(translation=True):
            return replace(copy, translating=None)
        case CopyFailed():
            return Copy(requested=copy.requested, failed=True)
        case CopyApproved():
            return _approved(copy, event)
        case CopyRevised() | CopyTranslationRequested() | CopyUsed():
            return _changed(copy, event)
        case _:
            assert_never(event)


def _approved(copy: Copy, event: CopyApproved) -> Copy:
    """Before versions had numbers, an edited text was one as well."""
    known = event.text in [each.text for each in copy.versions]
    made = () if known else (Version(event.text, _lang(copy)),)
    return replace(copy, approved=event, versions=(*copy.versions, *made))


def _changed(
    copy: Copy, event: CopyRevised | CopyTranslationRequested | CopyUsed
) -> Copy:
    match event:
        case CopyRevised(kind=kind, text=text, lang=lang):
            working = None if kind == "translation" else copy.translating
            versions = (*copy.versions, Version(text, lang))
            return replace(
                copy, versions=versions, translating=working, approved=None, uses=()
            )
        case CopyTranslationRequested():
            return replace(copy, translating=event)
        case CopyUsed(publication_id=publication_id):
            return replace(copy, uses=(*copy.uses, publication_id))


def _lang(copy: Copy) -> str:
    return copy.requested.lang if copy.requested else ""
