"""Documents: the words of projects, assets, copies and publications; of no person."""

from collections.abc import Iterable

from projections.documents.words import vector
from projections.table import Row, Table, Value, row
from schemas.envelope import Record
from schemas.events.asset import (
    AssetComposed,
    AssetDescribed,
    AssetImportRequested,
    AssetPresigned,
    AssetPurged,
    AssetRestored,
    AssetTrashed,
)
from schemas.events.content import (
    CopyApproved,
    CopyGenerated,
    CopyRequested,
    ProjectCreated,
)
from schemas.events.publication import PublicationPlanned
from schemas.registry import Data

DOCUMENTS = Table("documents")


def project(record: Record[Data]) -> Iterable[Row]:
    found = _asset(record) or _text(record)
    return () if found is None else (found,)


def _asset(record: Record[Data]) -> Row | None:
    match record.data:
        case (
            AssetPresigned(filename=name, project_id=project_id)
            | AssetComposed(filename=name, project_id=project_id)
        ):
            return _named(record, name, project_id)
        case AssetImportRequested(source=source, project_id=project_id):
            return _named(record, source.rstrip("/").rpartition("/")[2], project_id)
        case AssetDescribed() as told:
            return _described(record, told)
        case AssetTrashed():
            return _seen(record, gone=True)
        case AssetPurged():
            return _emptied(record)
        case AssetRestored():
            return _seen(record, gone=False)
        case _:
            return None


def _text(record: Record[Data]) -> Row | None:
    match record.data:
        case ProjectCreated(name=name):
            return _titled(record, name, project_id=record.subject_id)
        case CopyRequested(brief=brief, project_id=project_id):
            return _titled(record, brief, project_id=project_id)
        case CopyGenerated(variants=variants):
            return _changed(record, "\n".join(variants))
        case CopyApproved(text=text):
            return _changed(record, text)
        case PublicationPlanned() as plan:
            return _planned(record, plan)
        case _:
            return None


def _planned(record: Record[Data], plan: PublicationPlanned) -> Row:
    told = _told(" ".join((plan.text, *plan.tags)))
    return _titled(
        record, plan.title, tags=plan.tags, project_id=plan.project_id, **told
    )


def _titled(record: Record[Data], title: str, **more: Value) -> Row:
    kind, words = record.envelope.aggregate, vector(title)
    return row(DOCUMENTS, record, kind=kind, title=title, title_words=words, **more)


def _named(record: Record[Data], name: str, project_id: str) -> Row:
    """A file is found by its name even after it got a title."""
    words = vector(name)
    return _titled(record, name, name_words=words, project_id=project_id)


def _described(record: Record[Data], event: AssetDescribed) -> Row:
    text = " ".join((*event.tags, *event.topics, *event.folder.split("/"))).strip()
    told: dict[str, Value] = {"tags": event.tags, **_told(text)}
    told["folder"] = event.folder.strip("/")
    if event.title:
        return _titled(record, event.title, **told)
    return row(DOCUMENTS, record, kind=record.envelope.aggregate, **told)


def _seen(record: Record[Data], *, gone: bool) -> Row:
    return row(DOCUMENTS, record, kind=record.envelope.aggregate, gone=gone)


def _emptied(record: Record[Data]) -> Row:
    """Nobody finds it again, so its words go as well."""
    words: dict[str, Value] = dict.fromkeys(("title", "text", "folder"), "")
    words |= dict.fromkeys(("title_words", "text_words", "name_words"), "")
    kind = record.envelope.aggregate
    return row(DOCUMENTS, record, kind=kind, gone=True, purged=True, tags=(), **words)


def _changed(record: Record[Data], text: str) -> Row:
    return row(DOCUMENTS, record, kind=record.envelope.aggregate, **_told(text))


def _told(text: str) -> dict[str, Value]:
    return {"text": text, "text_words": vector(text)}
