"""A word that stands in the system part only: who says it has given the rules away."""

import hashlib
import hmac
import re
from collections.abc import AsyncIterator

from ai_adapter.errors import Refused
from ai_adapter.guard.readings import plain

BLOCKED = "output_blocked"
_LENGTH = 14
_MARKED = "zq"
"""How each begins: rare in every language, so a stream is hardly ever held back."""
_NOISE = re.compile(r"[\W_]+")


def canary_of(salt: bytes, *names: str) -> str:
    """The same for the same names, so a provider's prompt cache still hits.

    Nobody without the salt can foresee it.
    """
    named = "\0".join(names).encode()
    digest = hmac.new(salt or b"contentops", named, hashlib.sha256).hexdigest()
    return _MARKED + digest[:_LENGTH]


def leaked(text: str, canary: str) -> bool:
    """Also in other letters, spelled out, or turned round."""
    if not canary:
        return False
    bare = _NOISE.sub("", plain(text))
    return canary in bare or canary[::-1] in bare


class Watch:
    """Looks for a canary in text that arrives in pieces.

    Only what could be its beginning is held back, at most as long as the canary with
    the separators in it; all else goes on at once.
    """

    def __init__(self, canary: str) -> None:
        self._canary = canary
        self._held = ""
        self._matched = 0
        self.leaked = False

    def let_through(self, piece: str) -> str:
        """What may be shown now; nothing any more once it leaked."""
        if self.leaked or not self._canary:
            return "" if self.leaked else piece
        if not self._matched and self._canary[0] not in piece.lower():
            return piece
        return "".join(self._through(char) for char in piece)

    def rest(self) -> str:
        """What was held back when the stream ended without a leak."""
        rest, self._held, self._matched = self._held, "", 0
        return "" if self.leaked else rest

    def _through(self, char: str) -> str:
        if self.leaked:
            return ""
        if self._matched and not char.isalnum() and len(self._held) < 4 * _LENGTH:
            self._held += char
            return ""
        if char.lower() == self._canary[self._matched]:
            return self._one_more(char)
        return self._anew(char)

    def _one_more(self, char: str) -> str:
        self._held += char
        self._matched += 1
        self.leaked = self._matched == len(self._canary)
        return ""

    def _anew(self, char: str) -> str:
        """A canary begins with two letters no hexadecimal digit equals, so what was
        held can hold no second beginning."""
        passed, self._held, self._matched = self._held, "", 0
        if char.lower() == self._canary[0]:
            self._one_more(char)
            return passed
        return passed + char


async def watched(
    canary: str, first: str, others: AsyncIterator[str]
) -> AsyncIterator[str]:
    """What may be shown of a stream; raises Refused `output_blocked` at a leak."""
    watch = Watch(canary)
    if shown := watch.let_through(first):
        yield shown
    while not watch.leaked:
        try:
            shown = watch.let_through(await anext(others))
        except StopAsyncIteration:
            break
        if shown:
            yield shown
    if watch.leaked:
        raise Refused(BLOCKED, "the answer repeated what only the model may know")
    if rest := watch.rest():
        yield rest
