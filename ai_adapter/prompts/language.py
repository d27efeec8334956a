"""The language of prompts: words that stay, and `{{slots}}` that were declared. Pure.

`facts` and `material` are slots of every layout. A person's sentences (kinds `line` and
`text`) never enter the system part; words, choices and numbers may.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct

from ai_adapter.prompts.cleaning import clean, fenced
from schemas.prompts import PromptText, Variable

Given: TypeAlias = str | int | float
OWN = frozenset({"facts", "material"})
SYSTEM_KINDS = frozenset({"word", "choice", "number"})
SYSTEM_MAX = 12_000
LAYOUT_MAX = 4_000
VARIABLES_MAX = 20
CHOICES_MAX = 50
VARIANTS_MAX = 10
WORD_MAX = 32
LINE_MAX = 500
TEXT_MAX = 20_000
NUMBER_MAX = 1_000_000_000
_SLOT = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MOST = {"word": WORD_MAX, "line": LINE_MAX, "text": TEXT_MAX, "number": NUMBER_MAX}


class Slot(Struct, frozen=True):
    name: str


Piece: TypeAlias = str | Slot


class Unfillable(Exception):
    """A prompt or a value cannot go in safely: answer 422 with its field."""

    def __init__(self, pointer: str, code: str, detail: str) -> None:
        super().__init__(f"{pointer}: {detail}")
        self.pointer = pointer
        self.code = code
        self.detail = detail


@lru_cache(maxsize=512)
def pieces(text: str) -> tuple[Piece, ...]:
    """Words and slots in their order; raises ValueError that quotes what is no slot."""
    found: list[Piece] = []
    end = 0
    for match in _SLOT.finditer(text):
        found += _words(text[end : match.start()])
        found.append(Slot(_name(match.group(1))))
        end = match.end()
    return (*found, *_words(text[end:]))


def _words(text: str) -> tuple[str, ...]:
    if "{{" in text:
        begun = text[text.index("{{") :][:40]
        raise ValueError(f"{begun!r} opens a slot that is not closed")
    return (text,) if text else ()


def _name(text: str) -> str:
    name = text.strip()
    if not _NAME.fullmatch(name):
        raise ValueError(f"{{{{{text[:40]}}}}} is no slot; write {{{{a_name}}}}")
    return name


def slots(text: str) -> frozenset[str]:
    return frozenset(piece.name for piece in pieces(text) if isinstance(piece, Slot))


def rendered(text: str, values: Mapping[str, str]) -> str:
    """What fills a slot is never read as a slot itself; raises KeyError without it."""
    return "".join(
        values[piece.name] if isinstance(piece, Slot) else piece
        for piece in pieces(text)
    )


def check(prompt: PromptText) -> None:
    """Raises `Unfillable` for the first thing that could not be rendered safely."""
    _long("/system", prompt.system, SYSTEM_MAX)
    _long("/layout", prompt.layout, LAYOUT_MAX)
    if not 1 <= prompt.variants <= VARIANTS_MAX:
        raise Unfillable(
            "/variants", "variants", f"Ask for 1 to {VARIANTS_MAX} answers."
        )
    if len(prompt.variables) > VARIABLES_MAX:
        detail = f"Declare at most {VARIABLES_MAX} variables."
        raise Unfillable("/variables", "variables_many", detail)
    declared: dict[str, Variable] = {}
    for index, variable in enumerate(prompt.variables):
        _check_variable(f"/variables/{index}", variable, declared)
        declared[variable.name] = variable
    _check_slots(prompt, declared)


def _long(pointer: str, text: str, most: int) -> None:
    if len(text) > most:
        raise Unfillable(pointer, "too_long", f"Write at most {most} characters.")
    if clean(text) != text:
        detail = "Take out the characters that nobody can see."
        raise Unfillable(pointer, "hidden_characters", detail)


def _check_variable(
    where: str, variable: Variable, declared: Mapping[str, Variable]
) -> None:
    name = variable.name
    if not _NAME.fullmatch(name) or name in OWN:
        detail = "A name is a small letter, then letters, digits and _; not facts."
        raise Unfillable(f"{where}/name", "name", detail)
    if name in declared:
        raise Unfillable(f"{where}/name", "name_twice", f"{name} is declared twice.")
    _check_limits(where, variable)
    if variable.default:
        try:
            value_of(variable, variable.default)
        except Unfillable as wrong:
            raise Unfillable(f"{where}/default", wrong.code, wrong.detail) from wrong


def _check_limits(where: str, variable: Variable) -> None:
    if variable.kind == "choice":
        _check_choices(where, variable.choices)
        return
    most = _MOST[variable.kind]
    if not 1 <= most_of(variable) <= most:
        raise Unfillable(
            f"{where}/most", "limit", f"A {variable.kind} has 1 to {most}."
        )
    if variable.kind == "number" and variable.least > most_of(variable):
        raise Unfillable(f"{where}/least", "limit", "The least is more than the most.")


def most_of(variable: Variable) -> int:
    return _MOST[variable.kind] if variable.most is None else variable.most


def _check_choices(where: str, choices: tuple[str, ...]) -> None:
    good = [each for each in choices if each.strip() and len(each) <= LINE_MAX]
    if not 1 <= len(choices) <= CHOICES_MAX or len(set(good)) < len(choices):
        detail = f"Give 1 to {CHOICES_MAX} different choices, none blank."
        raise Unfillable(f"{where}/choices", "choices", detail)


def _check_slots(prompt: PromptText, declared: Mapping[str, Variable]) -> None:
    used = _slots_of("/system", prompt.system)
    for name in sorted(used):
        if name not in declared:
            raise Unfillable("/system", "slot_unknown", _undeclared(name))
        if declared[name].kind not in SYSTEM_KINDS:
            raise Unfillable("/system", "slot_unsafe", _unsafe(declared[name]))
    laid = _slots_of("/layout", prompt.layout)
    for name in sorted(laid - OWN - declared.keys()):
        raise Unfillable("/layout", "slot_unknown", _undeclared(name))
    if "material" not in laid:
        raise Unfillable("/layout", "material_missing", "Say where {{material}} goes.")
    for index, variable in enumerate(prompt.variables):
        if variable.name not in used | laid:
            detail = f"Use {{{{{variable.name}}}}} somewhere, or take it out."
            raise Unfillable(f"/variables/{index}/name", "slot_unused", detail)


def _slots_of(pointer: str, text: str) -> frozenset[str]:
    try:
        return slots(text)
    except ValueError as wrong:
        raise Unfillable(pointer, "slot", f"{wrong}.") from wrong


def _undeclared(name: str) -> str:
    return f"Declare the variable {name!r}, or take {{{{{name}}}}} out."


def _unsafe(variable: Variable) -> str:
    return (
        f"A {variable.kind} holds whatever a person types: put {{{{{variable.name}}}}} "
        "into the layout; the system part takes a word, a choice or a number."
    )


def filled(
    variables: tuple[Variable, ...], given: Mapping[str, Given]
) -> dict[str, str]:
    """Every declared variable as it goes into its slot; raises `Unfillable`."""
    known = {variable.name for variable in variables}
    for name in given:
        if name not in known:
            raise Unfillable(f"/variables/{name}", "variable_unknown", _names(known))
    return dict(_filled(variables, given))


def _names(known: set[str]) -> str:
    if not known:
        return "This prompt has no variables; leave them out."
    return f"This prompt has {', '.join(sorted(known))}."


def _filled(
    variables: tuple[Variable, ...], given: Mapping[str, Given]
) -> Iterator[tuple[str, str]]:
    for variable in variables:
        value = given.get(variable.name, variable.default)
        if value == "":
            if variable.required:
                where = f"/variables/{variable.name}"
                raise Unfillable(
                    where, "variable_missing", f"Give {variable.name} a value."
                )
            yield variable.name, ""
        else:
            yield variable.name, value_of(variable, value)


def value_of(variable: Variable, value: Given) -> str:
    """Cleaned and within its limits; a text stands between markers it cannot hold."""
    text = clean(str(value))
    match variable.kind:
        case "number":
            return _number(variable, text)
        case "choice":
            _need(variable, text in variable.choices, "one of the declared choices")
        case "word":
            plain = all(each.isalnum() or each in "-_" for each in text)
            _need(variable, plain, "letters, digits, - and _")
        case "line":
            _need(variable, not re.search(r"[\n\r\u2028\u2029]", text), "one line")
        case "text":
            pass
    if variable.kind != "choice":
        most = most_of(variable)
        _need(variable, len(text) <= most, f"at most {most} characters")
    return fenced(text) if variable.kind == "text" else text


def _number(variable: Variable, text: str) -> str:
    whole = re.fullmatch(r"-?\d{1,12}", text, re.ASCII) is not None
    most = most_of(variable)
    wanted = f"a whole number from {variable.least} to {most}"
    _need(variable, whole and variable.least <= int(text) <= most, wanted)
    return str(int(text))


def _need(variable: Variable, good: bool, wanted: str) -> None:
    if not good:
        where = f"/variables/{variable.name}"
        raise Unfillable(where, "variable_wrong", f"{variable.name} must be {wanted}.")
