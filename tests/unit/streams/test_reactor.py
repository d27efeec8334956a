"""From an event to commands: ids that follow from the event, nothing from refusals."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import Envelope, Record
from schemas.events.content import CopyRequested
from schemas.events.log import LogClaimed, LogRejected, LogUnchanged
from schemas.events.publication import PublicationDue
from schemas.ids import derived
from schemas.registry import Command, Data, wire_name
from streams.reactions.registry import REACTIONS
from streams.reactor import commands

AT = datetime(2026, 3, 1, tzinfo=UTC)
COPY = CopyRequested("pr", "v", "copy", "bilibili", "a red kettle")


def event(data: Data, id_: str = "e1") -> Record[Data]:
    envelope = Envelope(
        id=id_,
        type=wire_name(type(data)),
        subject="copy/c1",
        tenant="t",
        time=AT,
        correlation="c",
    )
    return Record(envelope=envelope, data=data)


def made(data: Data, id_: str = "e1") -> list[Record[Command]]:
    return list(commands(event(data, id_), REACTIONS, lambda: AT))


def test_a_command_is_addressed_and_says_where_it_comes_from() -> None:
    (command,) = made(COPY)

    assert command.envelope.key == f"t:{derived('job', 'e1')}"
    assert command.envelope.cause == "e1"
    assert command.envelope.correlation == "c"
    assert command.envelope.auth_id == "reactor"
    assert command.envelope.subject.startswith("job/")


@given(st.text(min_size=1), st.text(min_size=1))
def test_the_same_event_gives_the_same_ids_and_another_gives_others(
    one: str, two: str
) -> None:
    again = [each.envelope.id for each in made(COPY, one)]

    assert [each.envelope.id for each in made(COPY, one)] == again
    assert ([each.envelope.id for each in made(COPY, two)] == again) == (one == two)


def test_records_of_the_log_about_itself_are_no_news() -> None:
    for record in (LogClaimed("t"), LogRejected("conflict", "x"), LogUnchanged()):
        assert made(record) == []


def test_the_reactions_name_is_part_of_the_id() -> None:
    react = REACTIONS["request_jobs"]
    due = event(PublicationDue(AT))

    (one,) = commands(due, {"one": react}, lambda: AT)
    (two,) = commands(due, {"two": react}, lambda: AT)

    assert one.envelope.id != two.envelope.id
