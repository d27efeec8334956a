"""Texts without what names or admits a person: pure, one pass, nothing is looked up.

Numbers are replaced only when their checksum says what they are; so an order number
stays, and a digit that was mistyped on purpose does too.
"""

import re
from collections.abc import Iterator

EMAIL, PHONE, ID_CARD, BANK_CARD = "[email]", "[phone]", "[id-card]", "[bank-card]"
KEY, TOKEN = "[key]", "[token]"

# Wide digits and signs are read as plain ones; lengths stay, so places do.
_PLAIN = str.maketrans("０１２３４５６７８９＠－．　", "0123456789@-. ")
_FIELD = (
    r"(?:(?:access|refresh|id|auth|session|security)[_-]?)?"
    r"(?:token|key|api[_-]?key|sig|sign|signature|secret|password|passwd|pwd|auth|code"
    r"|credential|x-amz-(?:signature|credential|security-token))"
)
_SHAPES = re.compile(
    r"(?P<private>-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,8000}?"
    r"-----END [A-Z ]{0,30}PRIVATE KEY-----)"
    r"|(?P<login>(?<=://)[^\s/:@]{1,200}:[^\s/@]{1,200}(?=@))"
    rf"|(?P<name>[?&#;](?i:{_FIELD})=)[A-Za-z0-9._~%+/=:@!*-]{{1,4000}}"
    r"|(?P<bearer>(?<![A-Za-z0-9])(?i:bearer|basic) )[A-Za-z0-9._~+/=-]{12,4000}"
    r"|(?P<jwt>(?<![A-Za-z0-9])eyJ[\w-]{8,2000}\.[\w-]{4,4000}\.[\w-]{0,2000})"
    r"|(?P<key>(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk|co|hf|whsec|whsk|gh[oprsu]|github_pat|glpat)[-_][A-Za-z0-9_-]{12,250}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10,250}|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|LTAI[A-Za-z0-9]{12,30}|AIza[A-Za-z0-9_-]{30,50}))"
    r"|(?P<email>(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@"
    r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5})"
    r"|(?P<digits>(?<!\d)\d{2,40}(?:[ -]\d{2,20}){0,8}(?:[ -]?[Xx])?(?![A-Za-z\d]))"
)
_MOBILE = re.compile(r"(?:00)?(?:86)?1[3-9]\d{9}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"


def redacted(text: str) -> str:
    """The same text with a word in brackets in each such place."""
    plain = text.translate(_PLAIN)
    parts: list[str] = []
    done = 0
    for found in _SHAPES.finditer(plain):
        parts += (text[done : found.start()], _instead(found, text))
        done = found.end()
    return "".join((*parts, text[done:]))


def _instead(found: re.Match[str], text: str) -> str:
    match found.lastgroup:
        case "digits":
            return _digits(found[0], text[found.start() : found.end()])
        case "email":
            return EMAIL
        case "login":
            return TOKEN
        case "name" | "bearer" as kept:
            return f"{found[kept]}{TOKEN}"
        case _:
            return KEY


def _digits(plain: str, text: str) -> str:
    """Numbers side by side look like one: every run of whole groups is tried."""
    parts: list[str] = []
    done = 0
    for start, end, word in _numbers(plain):
        parts += (text[done:start], word)
        done = end
    return "".join((*parts, text[done:]))


def _numbers(plain: str) -> Iterator[tuple[int, int, str]]:
    groups = [(each.start(), each.end()) for each in re.finditer(r"[\dXx]+", plain)]
    first = 0
    while first < len(groups):
        for last in range(len(groups), first, -1):
            start, end = groups[first][0], groups[last - 1][1]
            word = what("".join(plain[a:b] for a, b in groups[first:last]))
            if word:
                yield start, end, word
                first = last - 1
                break
        first += 1


def what(number: str) -> str:
    """Empty for a number that is none of these."""
    if not 11 <= len(number) <= 19:
        return ""
    if _MOBILE.fullmatch(number):
        return PHONE
    if is_id_card(number):
        return ID_CARD
    return BANK_CARD if is_bank_card(number) else ""


def is_id_card(number: str) -> bool:
    """GB 11643: a date of birth and a check digit."""
    if len(number) != 18 or not number[:17].isdecimal():
        return False
    month, day = int(number[10:12]), int(number[12:14])
    if not (1 <= month <= 12 and 1 <= day <= 31 and "18" <= number[6:8] <= "20"):
        return False
    total = sum(int(n) * w for n, w in zip(number, _WEIGHTS, strict=False))
    return _CHECKS[total % 11] == number[17].upper()


def is_bank_card(number: str) -> bool:
    """13 to 19 digits that pass Luhn's test; not one digit again and again."""
    if not 13 <= len(number) <= 19 or not number.isdecimal():
        return False
    if len(set(number)) < 2:
        return False
    doubled = (sum(divmod(2 * int(n), 10)) for n in number[-2::-2])
    return (sum(doubled) + sum(int(n) for n in number[-1::-2])) % 10 == 0
