"""The shapes of records as documents: JSON Schema and AsyncAPI 3, from the registry."""

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import TypeAlias

import msgspec

from infra.settings import Settings
from schemas import observations, registry, rulings
from schemas.audit import Stretch
from schemas.envelope import ATTRIBUTES
from schemas.events import log
from schemas.registry import REGISTRY, TYPES, wire_name
from schemas.topics import (
    AUDIT,
    FAMILIES,
    INBOUND,
    JOBS,
    PARKED,
    PROGRESS,
    TOPICS,
    TRACKING,
    Family,
    Topic,
)
from streams.progress import Progress
from streams.rulings import parked_headers

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"
Kind: TypeAlias = type[msgspec.Struct]

REFERENCE = "#/components/schemas/{name}"
BINDING = "0.5.0"
# Bodies without an envelope: bells and progress may be lost, checkpoints are signed.
BELL, NEWS, CHECKPOINT, PARCEL = "bell", "progress", "checkpoint", "parked"
INTEGERS = ("retention.ms", "retention.bytes", "segment.ms", "max.message.bytes")


def json_schemas() -> Json:
    """JSON Schema 2020-12 of every record's data, one definition per wire name."""
    kinds, parts = _components(TYPES.values(), "#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "contentops:schemas",
        "oneOf": kinds,
        "$defs": parts,
    }


def members(module: ModuleType) -> list[Kind]:
    """The registered kinds that a module defines."""
    return [kind for kind in TYPES.values() if kind.__module__ == module.__name__]


def older() -> list[Kind]:
    """Versions that nobody writes any more; upcasts read them."""
    return [kind for name, kind in TYPES.items() if REGISTRY.newest(name) is not kind]


def kept(milliseconds: int) -> str:
    days = milliseconds // 86_400_000
    return "for ever" if milliseconds < 0 else f"{days} day{'s' * (days != 1)}"


def _components(
    kinds: Iterable[Kind], template: str
) -> tuple[list[Json], dict[str, Json]]:
    schemas, parts = msgspec.json.schema_components(list(kinds), ref_template=template)
    return list(schemas), dict(parts)


def asyncapi() -> Json:
    """AsyncAPI 3.0: a channel per topic, with its Kafka settings and its messages."""
    _, parts = _components((*TYPES.values(), Progress, Stretch), REFERENCE)
    carried = {topic.name: list(_carried(topic)) for topic in TOPICS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "contentops",
            "version": "1",
            "description": "CloudEvents 1.0 in Kafka's binary mode.",
        },
        "defaultContentType": "application/json",
        "channels": {
            topic.name: _channel(topic, carried[topic.name]) for topic in TOPICS
        },
        "operations": {f"append.{topic.name}": _append(topic) for topic in TOPICS},
        "components": {
            "messages": {
                **{wire_name(kind): _message(kind) for kind in TYPES.values()},
                **_plain_messages(),
            },
            "schemas": {**_without_discriminators(parts), "headers": _headers()},
        },
    }


def _carried(topic: Topic) -> Iterator[str]:
    """The messages of one topic, older versions with the newest."""
    for kind in _written(topic):
        name = wire_name(kind)
        yield from (
            old for old in TYPES if REGISTRY.newest(old) is kind and old != name
        )
        yield name
    if topic in JOBS.values():
        yield BELL
    yield from {PROGRESS: (NEWS,), AUDIT: (CHECKPOINT,), PARKED: (PARCEL,)}.get(
        topic, ()
    )


def _written(topic: Topic) -> Iterator[Kind]:
    for family in FAMILIES:
        if topic == family.commands:
            yield from _of_family(family, registry.COMMANDS_OF)
        if topic == family.events:
            yield from (*_of_family(family, registry.EVENTS_OF), *members(log))
    if topic == INBOUND:
        yield observations.DeliveryReceived
    if topic == TRACKING:
        yield from (observations.MetricsObserved, observations.AnswersGiven)
    if topic == PARKED:
        yield from members(rulings)


def _of_family(family: Family, kinds: dict[str, tuple[Kind, ...]]) -> list[Kind]:
    return [kind for aggregate in family.aggregates for kind in kinds[aggregate]]


def _channel(topic: Topic, carried: Iterable[str]) -> Json:
    settings: dict[str, Json] = {
        name: int(value) if name in INTEGERS else value
        for name, value in topic.config().items()
    }
    settings["cleanup.policy"] = [topic.config()["cleanup.policy"]]
    default: int = Settings.model_fields["partitions"].default
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}. Kept {kept(topic.retention_ms)}.",
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in carried
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions or default,
                "topicConfiguration": settings,
                "bindingVersion": BINDING,
            }
        },
    }


def _append(topic: Topic) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "description": f"Written by {topic.writer}.",
    }


def _message(kind: Kind) -> Json:
    key = "null in a claim" if kind is log.LogClaimed else "see the channel"
    return {
        "name": wire_name(kind),
        "contentType": "application/json",
        "headers": {"$ref": REFERENCE.format(name="headers")},
        "payload": {"$ref": REFERENCE.format(name=kind.__name__)},
        "bindings": _key(key),
    }


def _key(meaning: str) -> Json:
    key: Json = {"type": "string", "description": meaning}
    return {"kafka": {"key": key, "bindingVersion": BINDING}}


def _plain_messages() -> dict[str, Json]:
    """Bodies that carry no envelope of their own."""
    text: Json = {"type": "string", "description": "The id of a job that may be due."}
    reasons: Json = {name: {"type": "string"} for name, _ in parked_headers("", "", "")}
    return {
        BELL: {
            "name": BELL,
            "contentType": "text/plain",
            "payload": text,
            "bindings": _key("the same job id"),
        },
        NEWS: {
            "name": NEWS,
            "payload": {"$ref": REFERENCE.format(name=Progress.__name__)},
            "bindings": _key("job id"),
        },
        CHECKPOINT: {
            "name": CHECKPOINT,
            "payload": _checkpoint(),
            "bindings": _key("topic:partition"),
        },
        PARCEL: {
            "name": PARCEL,
            "description": "The record as it was, its own headers among these.",
            "headers": {
                "type": "object",
                "properties": reasons,
                "required": list(reasons) if isinstance(reasons, dict) else [],
            },
            "payload": {},
            "bindings": _key("the key it had"),
        },
    }


def _checkpoint() -> Json:
    """Spelt out: its Struct keeps the signed part as bytes."""
    return {
        "type": "object",
        "properties": {
            "stretch": {"$ref": REFERENCE.format(name=Stretch.__name__)},
            "signature": {"type": "string", "pattern": "^[0-9a-f]{128}$"},
        },
        "required": ["stretch", "signature"],
    }


def _headers() -> Json:
    patterns: dict[str, Json] = {
        name: {"type": "string", "pattern": pattern} if pattern else {"type": "string"}
        for name, (pattern, _) in ATTRIBUTES.items()
    }
    needed: list[Json] = [name for name, (_, always) in ATTRIBUTES.items() if always]
    return {"type": "object", "properties": patterns, "required": needed}


def _without_discriminators(node: dict[str, Json]) -> dict[str, Json]:
    """AsyncAPI's is a string of another meaning; each part's own tag says the same."""
    return {name: _stripped(each) for name, each in node.items()}


def _stripped(node: Json) -> Json:
    if isinstance(node, list):
        return [_stripped(each) for each in node]
    if isinstance(node, dict):
        return {
            name: _stripped(each)
            for name, each in node.items()
            if name != "discriminator"
        }
    return node
