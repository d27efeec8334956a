"""Talking to OpenSearch: clients, and what its errors ask for."""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct
from opensearchpy import (
    AsyncOpenSearch,
    NotFoundError,
    OpenSearch,
    TransportError,
)
from opensearchpy import ConnectionError as NotReached

from projections.serving import NeedsPerson

WRITE_S = 30.0
ASK_S = 5.0
# Timeouts and full queues: it recovers by itself.
BUSY = frozenset({408, 429, 502, 503, 504})


class Access(Struct, frozen=True):
    """Where it is and who we are there; `ca` is a file of certificates to trust."""

    url: str
    user: str = ""
    password: str = ""
    ca: str = ""


class Away(NeedsPerson):
    """It does not answer, or lacks the index: wait, and say why."""


def connect(access: Access, limit_s: float = WRITE_S) -> OpenSearch:
    return OpenSearch(
        hosts=[access.url],
        timeout=limit_s,
        http_auth=_who(access),
        ca_certs=access.ca or None,
    )


def connect_async(access: Access, limit_s: float = ASK_S) -> AsyncOpenSearch:
    return AsyncOpenSearch(
        hosts=[access.url],
        timeout=limit_s,
        http_auth=_who(access),
        ca_certs=access.ca or None,
    )


@contextmanager
def told() -> Iterator[None]:
    """What OpenSearch says when it cannot be used now, as a sentence to wait by."""
    try:
        yield
    except NotReached as wrong:
        raise Away(f"Waiting for OpenSearch: {wrong.error}") from wrong
    except NotFoundError as wrong:
        raise Away(
            f"OpenSearch lacks an index ({wrong.error}): run `contentops migrate`."
        ) from wrong
    except TransportError as wrong:
        if wrong.status_code not in BUSY:
            raise
        raise Away(f"OpenSearch is busy: {wrong.error}") from wrong


def _who(access: Access) -> tuple[str, str] | None:
    return (access.user, access.password) if access.user else None
