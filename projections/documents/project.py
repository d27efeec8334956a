"""Documents: the words of projects, assets, copies and publications; of no person."""

from collections.abc import Iterable

from projections.documents.words import vector
from projections.table import Row, Table, Value, row
from schemas.envelope import Record
from schemas.events.asset import AssetImportRequested, AssetPresigned
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
    match record.data:
        case ProjectCreated(name=name):
            return (_titled(record, name),)
        case AssetPresigned(filename=name):
            return (_titled(record, name),)
        case AssetImportRequested(source=source):
            return (_titled(record, source.rstrip("/").rpartition("/")[2]),)
        case CopyRequested(brief=brief):
            return (_titled(record, brief),)
        case CopyGenerated(variants=variants):
            return (_changed(record, "\n".join(variants)),)
        case CopyApproved(text=text):
            return (_changed(record, text),)
        case PublicationPlanned() as plan:
            text = " ".join((plan.text, *plan.tags))
            return (_titled(record, plan.title, **_told(text)),)
        case _:
            return ()


def _titled(record: Record[Data], title: str, **more: Value) -> Row:
    kind, words = record.envelope.aggregate, vector(title)
    return row(DOCUMENTS, record, kind=kind, title=title, title_words=words, **more)


def _changed(record: Record[Data], text: str) -> Row:
    return row(DOCUMENTS, record, kind=record.envelope.aggregate, **_told(text))


def _told(text: str) -> dict[str, Value]:
    return {"text": text, "text_words": vector(text)}
