"""What a write may say in its headers: its key, the version it saw, how to answer."""

import re
from dataclasses import dataclass
from functools import lru_cache

from starlette.datastructures import Headers

from api.problems import Fault, Problem, invalid

KEY_MAX = 255
WAIT_MAX_S = 10
# RFC 9110: an entity tag, weak or strong, of any characters but quotes and controls.
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
# A compressing proxy marks our tags as weak; the version in them stays exact.
_VERSION = re.compile(r'(?:W/)?"?v?(\d{1,18})"?')


@dataclass(frozen=True, slots=True)
class Preference:
    """`wait_s` set = answer with the resource; `at_once` = do not wait at all.

    Both together mean: wait that long, then answer 202 (RFC 7240).
    """

    wait_s: float | None = None
    at_once: bool = False

    @property
    def no_wait(self) -> bool:
        return self.at_once and self.wait_s is None


def idempotency_key(headers: Headers) -> str | None:
    """Opaque, 1 to 255 visible ASCII characters, given at most once."""
    given = headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1:
        raise _bad_key("The header is there more than once.", "Send it once.")
    key = given[0]
    if not 1 <= len(key) <= KEY_MAX:
        remedy = f"Use 1 to {KEY_MAX} characters."
        raise _bad_key(f"The key has {len(key)} characters.", remedy)
    if not (key.isascii() and key.isprintable()):
        raise _bad_key("The key holds other than visible ASCII.", "Send a UUID.")
    return key


def _bad_key(detail: str, remedy: str) -> Problem:
    return invalid("/headers/Idempotency-Key", detail, remedy)


def expected_version(header: str | None) -> int | None:
    """`"7"` or `"v7"`; `*` asks for nothing in particular.

    A tag of somebody else can match no version of ours: 412. No tag at all: 400.
    """
    if header is None or header.strip() == "*":
        return None
    found = _VERSION.fullmatch(header.strip())
    if found is not None:
        return int(found[1])
    fault = Fault("/headers/If-Match", "Unknown form.", "Send the ETag you were given.")
    if _ETAG.fullmatch(header.strip()):
        raise Problem(412, "If-Match is not an ETag of this API.", fault, code="stale")
    raise Problem(400, "If-Match is not one ETag.", fault, code="malformed")


@lru_cache(256)
def preference(header: str) -> Preference:
    """Unknown wishes are no error; of two equal ones the first counts."""
    wishes = [wish.partition(";")[0].strip().lower() for wish in header.split(",")]
    waits = [re.fullmatch(r'wait\s*=\s*"?(\d{1,4})"?', wish) for wish in wishes]
    found = next((wait for wait in waits if wait), None)
    return Preference(
        wait_s=min(int(found[1]), WAIT_MAX_S) if found else None,
        at_once="respond-async" in wishes,
    )
