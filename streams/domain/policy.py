"""Rules of a policy: versions are added and never changed, a label moves over them."""

import json
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.policy import LabelPolicy, PolicyCommand, WritePolicy
from schemas.events.policy import PolicyEvent, PolicyLabelled, PolicyWritten
from streams.domain.rejected import Rejected, missing

NAME_LIMIT = 80
DOCUMENT_LIMIT = 16_384
"""Bytes; what is longer is no policy any more but a program."""
MOST_VERSIONS = 1000
LABELS = ("live",)


class Policy(Struct, frozen=True):
    """`names` are those of the versions, `newest` the document of the last one."""

    names: tuple[str, ...] = ()
    newest: str = ""
    labels: dict[str, int] = {}


initial = Policy()


def decide(command: PolicyCommand, policy: Policy) -> PolicyEvent | None:
    match command:
        case WritePolicy():
            return _write(command, policy)
        case LabelPolicy():
            return _label(command, policy)
        case _:
            assert_never(command)


def _write(command: WritePolicy, policy: Policy) -> PolicyWritten | None:
    _refuse_name(command.name)
    _refuse_document(command.document)
    same = policy.names[-1:] == (command.name,)
    if same and command.document == policy.newest:
        return None
    if len(policy.names) >= MOST_VERSIONS:
        raise Rejected("conflict", "too_many_versions", "Make one of them live.")
    return PolicyWritten(command.name, len(policy.names) + 1, command.document)


def _refuse_name(name: str) -> None:
    if not name or len(name) > NAME_LIMIT:
        raise Rejected(
            "invalid",
            "name_length",
            f"A name has 1 to {NAME_LIMIT} characters.",
            pointer="/name",
        )


def _refuse_document(document: str) -> None:
    if len(document.encode()) > DOCUMENT_LIMIT:
        raise Rejected(
            "invalid",
            "document_size",
            f"A policy has {DOCUMENT_LIMIT} bytes at most.",
            pointer="/document",
        )
    try:
        found = json.loads(document)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Rejected(
            "invalid", "document_kind", "Send a JSON object.", pointer="/document"
        )


def _label(command: LabelPolicy, policy: Policy) -> PolicyLabelled | None:
    if not policy.names or not 0 <= command.number <= len(policy.names):
        raise missing("policy")
    if command.label not in LABELS:
        raise Rejected(
            "invalid", "label_unknown", "Use the label live.", pointer="/label"
        )
    before = policy.labels.get(command.label, 0)
    if before == command.number:
        return None
    name = policy.names[command.number - 1] if command.number else ""
    return PolicyLabelled(name, command.number, command.label, before)


def evolve(policy: Policy, event: PolicyEvent) -> Policy:
    match event:
        case PolicyWritten(name=name, document=document):
            return replace(policy, names=(*policy.names, name), newest=document)
        case PolicyLabelled(label=label, number=number):
            return replace(policy, labels={**policy.labels, label: number})
        case _:
            assert_never(event)
