"""One line of JSON per log entry, without personal data or secrets.

Fields have one name everywhere: `event` says what, `action` what is done about it,
`reason` why, `role` who; then tenant, key, topic, partition, offset, command, job.
Whatever looks like a secret or a person is masked here, wherever it was logged.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TypeAlias

import structlog

Entry: TypeAlias = MutableMapping[str, Any]

MASK = "***"
SECRET_NAMES = re.compile(
    r"authorization|cookie|token|secret|passw|api_?key|credential|signature|dsn"
    r"|phone|mobile|e?mail|wechat|address|contact|id_?card|real_?name|nonce|cipher",
    re.IGNORECASE,
)
# Names that match above and say nothing about anybody.
HARMLESS = frozenset({"token_count", "max_tokens", "prompt_tokens"})
SHAPES = (
    re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"),
    re.compile(r"\bco_[A-Za-z0-9_-]{16,}"),
    re.compile(r"\b(?:sk|pk|whsec|whsk)[-_][A-Za-z0-9_-]{12,}"),
    re.compile(
        r"(?i)\b(?:password|secret|token|sig|signature|access_token)=[^\s&'\"]+"
    ),
    re.compile(r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"),
    re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),
    re.compile(r"(?<![\w.-])(?:\+?86[- ]?)?1[3-9]\d{9}(?![\w-]|\.\w)"),
    re.compile(r"(?<![\w.-])\d{17}[\dXx](?![\w-]|\.\w)"),
)


def masked(_logger: object, _method: str, entry: Entry) -> Entry:
    """A structlog processor; it comes last before the renderer."""
    return {name: _value(name, value) for name, value in entry.items()}


def mask_text(text: str) -> str:
    for shape in SHAPES:
        text = shape.sub(MASK, text)
    return text


def _value(name: str, value: Any) -> Any:
    if SECRET_NAMES.search(name) and name not in HARMLESS:
        return MASK
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {str(key): _value(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_value("", inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_text(str(value))


def configure(role: str) -> None:
    """All entries of this process, also those of libraries, go to stderr as JSON."""
    before: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _named(role),
        masked,
    ]
    render = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*before, render],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *before],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                render,
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[out], force=True)


def _named(role: str) -> structlog.types.Processor:
    def name(_logger: object, _method: str, entry: Entry) -> Entry:
        entry.setdefault("role", role)
        return entry

    return name
