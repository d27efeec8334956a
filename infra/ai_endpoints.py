"""Which model providers an installation uses: a line in a setting, or a file."""

import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from ai_adapter.base import Capability
from ai_adapter.providers.factory import Endpoint
from infra.problem import Stop
from infra.settings import Settings

_LISTED = re.compile(r"(\w+)=([^\s,@]+)(?:@([^\s,]+))?")


class _Door(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One entry of the file; keys are not in it: `contentops ai key` keeps those."""

    name: Annotated[str, Meta(pattern=r"^\w+$")]
    default_model: Annotated[str, Meta(min_length=1)]
    base_url: Annotated[str, Meta(pattern=r"^(https?://.+)?$")] = ""
    embed_model: str = ""
    image_model: str = ""
    moderation_model: str = ""
    speech_model: str = ""
    hearing_model: str = ""
    json_mode: bool = True
    able: frozenset[Capability] = frozenset()
    aliases: dict[str, str] = {}


def endpoints(settings: Settings) -> list[Endpoint]:
    """The one with settings of its own, those of the list, those of the file.

    Raises Stop where the file is no list of endpoints.
    """
    listed = _LISTED.findall(settings.ai_endpoints)
    more = [Endpoint(name, model, url) for name, model, url in listed]
    filed = _filed(settings.ai_endpoints_file) if settings.ai_endpoints_file else []
    return [*_first(settings), *more, *filed]


def _first(settings: Settings) -> list[Endpoint]:
    if settings.ai_api_key is None and settings.ai_base_url is None:
        return []
    key = settings.ai_api_key.get_secret_value() if settings.ai_api_key else ""
    return [
        Endpoint(
            name=settings.ai_provider,
            default_model=settings.need("ai_model"),
            base_url=settings.ai_base_url or "",
            api_key=key,
        )
    ]


def _filed(path: Path) -> list[Endpoint]:
    try:
        doors = msgspec.json.decode(path.read_bytes(), type=tuple[_Door, ...])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Stop(
            f"CONTENTOPS_AI_ENDPOINTS_FILE {path} is no list of endpoints: {error}. "
            "See docs/howto/model-providers.md."
        ) from error
    return [Endpoint(**msgspec.structs.asdict(door)) for door in doors]
