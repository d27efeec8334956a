"""Ids that are derived, never drawn: the same cause always gives the same id."""

from hashlib import sha1
from uuid import UUID

NAMESPACE = UUID("5b0f7c86-9d0b-5f0e-8d0e-6f1f0d6f4c01")
_PREFIX = NAMESPACE.bytes
# The two highest bits of a UUID's ninth byte say which kind it is.
_VARIANT = {f"{each:x}": f"{each & 3 | 8:x}" for each in range(16)}


def derived(*parts: str) -> str:
    """A UUIDv5 of all parts; lengths are hashed too, so ("a", "bc") != ("ab", "c")."""
    text = "".join([f"{len(part)}:{part}" for part in parts])
    # uuid.uuid5 written out: a decider asks it of every command, and this is 3x faster.
    text = sha1(_PREFIX + text.encode(), usedforsecurity=False).hexdigest()
    last = f"{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{last}"


def event_id(command_id: str) -> str:
    """One command, one record: the record's id follows from the command's."""
    return derived("record", command_id)


def created_id(command_id: str, aggregate: str) -> str:
    """The id of what a command creates."""
    return derived("created", command_id, aggregate)


def command_id(tenant: str, principal: str, idempotency_key: str) -> str:
    return derived("command", tenant, principal, idempotency_key)


def reaction_id(event: str, reaction: str, stream: str, command: str, mark: str) -> str:
    """`mark` comes from the event and tells two commands to one stream apart."""
    return derived("reaction", event, reaction, stream, command, mark)


def account_id(tenant: str, platform: str, open_id: str) -> str:
    return derived("account", tenant, platform, open_id)


def subtitle_id(asset_id: str, language: str) -> str:
    """One stream for each language of an asset; asset ids are unique by themselves."""
    return derived("subtitle", asset_id, language)


def budget_id(tenant: str) -> str:
    """One stream for each tenant, so that nobody has to add up over several."""
    return derived("budget", tenant)


def service_id(tenant: str, name: str) -> str:
    """One stream for each name of a tool that others run."""
    return derived("service", tenant, name)


def policy_id(tenant: str) -> str:
    """One stream for each tenant: of its routing, one version counts."""
    return derived("policy", tenant)


def moderation_id(tenant: str, platform: str, text: str) -> str:
    """The same text for the same platform is judged once, and released once."""
    return derived("moderation", tenant, platform, text)


def model_id(provider: str, model: str) -> str:
    return derived("model", provider, model)


def wordlist_id(tenant: str) -> str:
    return derived("wordlist", tenant)


def observation_id(source: str, own_id: str) -> str:
    return derived("observation", source, own_id)


def stream_key(tenant: str, aggregate_id: str) -> str:
    return f"{tenant}:{aggregate_id}"
