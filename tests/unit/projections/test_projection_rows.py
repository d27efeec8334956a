"""What each projection makes of the business once through, as rows."""

from datetime import timedelta
from decimal import Decimal

import pytest

from fixtures.fix_records import BEGAN, Chronicle, story
from projections.analytics.project import project as analytics
from projections.assets.project import project as assets
from projections.changes.project import project as changes
from projections.copies.project import project as copies
from projections.documents.project import project as documents
from projections.history.project import project as history
from projections.leads.project import project as leads
from projections.operations.project import project as operations
from projections.publications.project import PUBLICATION_LOG, PUBLICATIONS
from projections.publications.project import project as publications
from projections.table import Project, Row, Table, Value
from projections.tasks.project import project as tasks
from projections.tenants.project import KEYS
from projections.tenants.project import project as tenants
from projections.timers.project import project as timers
from projections.videos.project import project as videos
from schemas.envelope import Record
from schemas.events.asset import (
    AssetPresigned,
    AssetPurged,
    AssetUploadAbandoned,
    AssetUploaded,
    AssetVersionPresigned,
)
from schemas.events.job import JobCancelled, JobFailed, JobLost
from schemas.events.log import LogClaimed
from schemas.events.publication import (
    PublicationCleared,
    PublicationFailed,
    PublicationHandedOff,
    PublicationIntended,
    PublicationRejected,
    PublicationUnknown,
)
from schemas.events.tenant import KeyRevoked
from schemas.ids import derived
from schemas.jobs import Generated, Usage
from schemas.observations import MetricsObserved
from schemas.registry import Data


def rows(project: Project, records: list[Record[Data]]) -> list[Row]:
    return [row for record in records for row in project(record)]


def last(
    project: Project, records: list[Record[Data]], table: Table
) -> dict[str, Value]:
    """The columns of the one row of this table after all records."""
    found: dict[str, Value] = {}
    for row in rows(project, records):
        if row.table is table:
            found |= row.values
    return found


@pytest.fixture
def told() -> list[Record[Data]]:
    return story(Chronicle())


def test_an_asset_ends_ready_with_its_facts(told: list[Record[Data]]) -> None:
    found = [row for row in rows(assets, told) if row.table.name == "assets"]

    assert [row.values.get("status") for row in found] == [
        "presigned",
        "uploaded",
        "ready",
        None,
        None,
        None,
    ]
    assert found[0].values["object_key"] == "acme/assets/1/clip.mp4"
    assert [row.values["version"] for row in found] == [1, 2, 3, 4, 5, 6]


def test_every_body_of_an_asset_is_a_row(told: list[Record[Data]]) -> None:
    found = [row for row in rows(assets, told) if row.table.name == "asset_versions"]

    assert {row.values["number"] for row in found} == {1}
    statuses = [row.values["status"] for row in found]
    assert statuses == ["presigned", "uploaded", "ready"]


def test_a_video_knows_its_job_before_it_is_done(told: list[Record[Data]]) -> None:
    wanted, finished = rows(videos, told)

    assert wanted.key == finished.key
    assert wanted.values["job_id"] == derived("job", str(wanted.values["event_id"]))
    assert (wanted.values["status"], finished.values["status"]) == (
        "processing",
        "ready",
    )
    assert finished.values["width"] == 1280


def test_an_approved_copy_names_the_event_to_show_as_evidence(
    told: list[Record[Data]],
) -> None:
    approved = rows(copies, told)[-1].values

    assert approved["status"] == "approved"
    assert approved["approved_event_id"] == approved["event_id"]
    assert approved["approved_version"] == 3


def test_a_revoked_key_stays_and_is_marked() -> None:
    chronicle = Chronicle()
    records = story(chronicle)[1:2]
    key = records[0].subject_id
    records.append(chronicle.record(KeyRevoked(), "key", key))

    assert last(tenants, records, KEYS)["revoked"] is True


def test_operations_tell_accepted_rejected_and_unchanged(
    told: list[Record[Data]],
) -> None:
    found = {row.values["id"]: row.values for row in rows(operations, told)}

    by_status = [values["status"] for values in found.values()]
    assert (by_status.count("rejected"), by_status.count("unchanged")) == (1, 1)
    refused = next(each for each in found.values() if each["status"] == "rejected")
    assert refused["problem"] == {
        "kind": "conflict",
        "code": "already_there",
        "pointer": "/name",
        "detail": "It is.",
    }
    assert {record.envelope.causation for record in told[:-2]} == set(found)


def test_a_claim_is_no_operation_no_history_and_no_change() -> None:
    claim = Chronicle().record(LogClaimed("topic"), "project", "p")

    assert [
        list(each(claim)) for each in (operations, history, changes, analytics)
    ] == [
        [],
        [],
        [],
        [],
    ]


def test_numbers_typed_in_by_a_person_are_an_operation() -> None:
    seen = MetricsObserved("p", "douyin", BEGAN, 1, 2, 3, 4, source="person")
    record = Chronicle().record(seen, "publication", "p")

    assert [row.values["status"] for row in operations(record)] == ["accepted"]


def test_history_names_the_cause_and_all_evidence(told: list[Record[Data]]) -> None:
    plan = next(r for r in told if r.envelope.type.endswith("publication.planned.v1"))
    (entry,) = history(plan)

    approval, material = plan.data.approval.event_id, plan.data.material.event_id
    assert entry.values["causes"] == (plan.envelope.cause, material)
    assert plan.envelope.cause == approval


def test_a_publication_goes_from_plan_to_public(told: list[Record[Data]]) -> None:
    statuses = [
        row.values["status"]
        for row in rows(publications, told)
        if row.table is PUBLICATIONS
    ]
    found = last(publications, told, PUBLICATIONS)

    assert statuses == [
        "planned",
        "scheduled",
        "due",
        "intended",
        "submitted",
        "published",
    ]
    assert found["link"] == "https://example.org/v"
    assert found["intent_token"] is None


def test_every_step_of_a_publication_is_in_its_own_log(
    told: list[Record[Data]],
) -> None:
    entries = [
        row.values for row in rows(publications, told) if row.table is PUBLICATION_LOG
    ]

    assert [entry["version"] for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert entries[0]["detail"] == {
        "platform": "bilibili",
        "mode": "direct",
        "title": "Title 1",
    }
    assert "type" not in str(entries[-1]["detail"])


UNKNOWN = PublicationUnknown("intent", BEGAN, "no answer")


@pytest.mark.parametrize(
    ("event", "status", "token", "person"),
    [
        (UNKNOWN, "unknown", "intent", True),
        (PublicationCleared("intent", "look_up"), "cleared", None, False),
        (PublicationRejected("a", "rejected", "1", "no"), "rejected", None, False),
        (PublicationFailed("a", "1", "no"), "failed", None, False),
        (PublicationHandedOff("j", "k", "s", BEGAN), "handed_off", "intent", True),
    ],
)
def test_after_an_intent(event: Data, status: str, token: str, person: bool) -> None:
    chronicle = Chronicle()
    steps = (PublicationIntended("intent", "job", BEGAN), event)
    records = [chronicle.record(step, "publication", "p") for step in steps]
    found = last(publications, records, PUBLICATIONS)

    assert (found["status"], found["intent_token"]) == (status, token)
    assert found["needs_person"] is person


def test_a_timer_is_armed_until_the_publication_is_due(
    told: list[Record[Data]],
) -> None:
    found = [it for it in rows(timers, told) if it.values["kind"] == "publication"]
    assert [row.values["state"] for row in found] == ["armed", "done", "done"]


def test_each_body_has_a_timer_until_it_arrives_or_is_given_up() -> None:
    until, log = BEGAN + timedelta(days=1), Chronicle()
    first = AssetPresigned("p", "a.mp4", "video/mp4", 1, "k", until=until)
    later = AssetVersionPresigned(2, "b.mp4", "video/mp4", 1, "k2", until=until)
    life = (
        *(first, AssetUploaded("k", 1, "aa", "video/mp4"), later),
        AssetUploadAbandoned((2,), ("k2",)),
    )
    found = rows(timers, [log.record(each, "asset", "a") for each in life])

    assert [(it.values["id"], it.values["state"], it.values["at"]) for it in found] == [
        ("upload:a:1", "armed", until),
        ("upload:a:1", "done", None),
        ("upload:a:2", "armed", until),
        ("upload:a:2", "done", None),
    ]
    assert {it.values["kind"] for it in found} == {"asset_upload"}
    assert {it.values["subject_id"] for it in found} == {"a"}


def test_an_upload_that_was_given_up_shows_on_what_it_was_of() -> None:
    log = Chronicle()
    first, later = (
        log.record(AssetUploadAbandoned((number,), ("k",)), "asset", "a")
        for number in (1, 2)
    )

    assert [it.values.get("status") for it in assets(first)] == ["abandoned"] * 2
    own, version = assets(later)
    assert "status" not in own.values
    assert (version.values["number"], version.values["status"]) == (2, "abandoned")


def test_what_is_deleted_for_good_keeps_no_word() -> None:
    (found,) = documents(Chronicle().record(AssetPurged(("k",)), "asset", "a"))

    words = ("title", "text", "folder", "title_words", "text_words", "name_words")
    assert {found.values[each] for each in words} == {""}
    assert found.values["gone"] is found.values["purged"] is True
    assert found.values["tags"] == ()


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (JobFailed("ai", "copy/c", "generate", "t", 1, "x", "y", BEGAN), "retrying"),
        (JobFailed("ai", "copy/c", "generate", "t", 3, "x", "y"), "failed"),
        (JobCancelled("copy/c", "generate", "no"), "cancelled"),
        (JobLost("copy/c", "generate", 2), "lost"),
    ],
)
def test_how_a_task_ends(event: Data, status: str) -> None:
    (row,) = tasks(Chronicle().record(event, "job", "j"))

    assert row.values["status"] == status
    assert ("ended_at" in row.values) is (status != "retrying")


def test_a_lead_stays_sealed(told: list[Record[Data]]) -> None:
    page, lead = rows(leads, told)

    assert page.values["code"]
    assert lead.values["contact"] is told[-3].data.contact


def test_analysts_get_facts_and_nothing_personal(told: list[Record[Data]]) -> None:
    found = rows(analytics, told)

    assert {row.table.name for row in found} == {
        "events",
        "publication_metrics",
        "ai_calls",
        "media_minutes",
        "leads",
        "publications",
    }
    words = str([row.values for row in found])
    sealed = told[-3].data.contact
    assert sealed.cipher not in words
    assert told[-3].data.subject_id not in words


@pytest.mark.parametrize(
    ("text", "cost"),
    [("0.5", Decimal("0.5")), (None, None), ("a lot", None)],
)
def test_a_call_without_a_price_costs_nothing_known(
    text: str | None, cost: Decimal | None, told: list[Record[Data]]
) -> None:
    done = next(r for r in told if r.envelope.type.endswith("job.completed.v1"))
    answer = Generated("t", ("x",), Usage(1, 1, text), "p", "m", 1, False, "h", "1")
    changed = Chronicle().record(
        type(done.data)("ai", "copy/c", "t", 1, answer, 1.0), "job", "j"
    )
    call = next(row for row in analytics(changed) if row.table.name == "ai_calls")

    assert call.values["cost"] == cost
