"""Old versions become the newest, step by step; a registry of tomorrow proves it."""

import msgspec
import pytest
from msgspec import Struct

from schemas.events.content import ProjectCreated
from schemas.registry import CURRENT, REGISTRY, Registry, Unwritable, decode, wire_name
from schemas.upcasts import UPCASTS, Upcast, upcast


class NamedV1(Struct, frozen=True, tag="io.contentops.test.named.v1"):
    name: str


class NamedV2(Struct, frozen=True, tag="io.contentops.test.named.v2"):
    first: str
    last: str = ""


class Named(Struct, frozen=True, tag="io.contentops.test.named.v3"):
    names: tuple[str, ...]


def split(old: NamedV1) -> NamedV2:
    first, _, last = old.name.partition(" ")
    return NamedV2(first, last)


def gathered(old: NamedV2) -> Named:
    return Named((old.first, old.last))


STEPS = (upcast(NamedV1, split), upcast(NamedV2, gathered))
TOMORROW = Registry((*CURRENT, Named), (*UPCASTS, *STEPS))
V1, V2, V3 = (f"io.contentops.test.named.v{n}" for n in (1, 2, 3))


def test_every_version_is_read_as_the_newest() -> None:
    assert TOMORROW.decode(V1, b'{"name":"Ada Lovelace"}') == Named(("Ada", "Lovelace"))
    assert TOMORROW.decode(V2, b'{"first":"Ada"}') == Named(("Ada", ""))
    assert TOMORROW.decode(V3, b'{"names":["Ada"]}') == Named(("Ada",))
    assert {TOMORROW.newest(name) for name in (V1, V2, V3)} == {Named}


def test_types_without_an_upcast_stay_what_they_are() -> None:
    name = wire_name(ProjectCreated)

    assert TOMORROW.decode(name, b'{"name":"n"}') == decode(name, b'{"name":"n"}')
    assert set(REGISTRY.kinds) | {V1, V2, V3} == set(TOMORROW.kinds)


def test_an_old_body_is_still_checked_as_its_own_version() -> None:
    with pytest.raises(msgspec.ValidationError, match="name"):
        TOMORROW.decode(V1, b'{"names":["Ada"]}')
    older_minor = TOMORROW.decode(V1, b'{"name":"Ada","later":1}')
    assert older_minor == Named(("Ada", ""))


def test_an_old_version_is_never_written_again() -> None:
    with pytest.raises(Unwritable, match="only read: write the next"):
        TOMORROW.checked(NamedV1("Ada"))
    assert TOMORROW.checked(Named(("Ada",)))
    with pytest.raises(Unwritable, match="not registered"):
        REGISTRY.checked(Named(("Ada",)))


def test_an_upcast_to_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="upcast to nowhere"):
        Registry((Named,), STEPS[:1])


def test_a_wire_name_is_used_once() -> None:
    with pytest.raises(ValueError, match="used twice"):
        Registry((Named, Named))


def test_a_step_that_skips_a_version_is_noticed() -> None:
    skipping = Upcast(NamedV1, lambda _: Named(("x",)))
    registry = Registry((Named,), (skipping, STEPS[1]))

    with pytest.raises(TypeError, match="made no NamedV2"):
        registry.decode(V1, b'{"name":"Ada"}')


def test_a_step_is_given_nothing_but_its_own_version() -> None:
    with pytest.raises(TypeError, match="Named is no NamedV1"):
        STEPS[0].change(Named(()))
