"""The rules that keep a publication from going out twice."""

import contextlib
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from fixtures.fix_moderation import JUDGED
from schemas.commands import publication as wish
from schemas.events import publication as fact
from schemas.jobs import Evidence, Schedule
from streams.domain.publication import decide, evolve, initial
from streams.domain.rejected import Rejected
from unit.streams.domain.given import refused, when

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLAN = wish.PlanPublication(
    project_id="p",
    video_id="v",
    account_id="a",
    platform="bilibili",
    mode="direct",
    title="标题",
    text="text",
    tags=("t",),
    mp4_key="k",
    cover_key="c",
    copy_id="copy",
    schedule=Schedule(at=NOW, local="2026-01-02T11:04:05", timezone="Asia/Shanghai"),
    approval=Evidence("copy.approved", "e1", 3),
    material=Evidence("asset.transcoded", "e2", 4),
    moderation=JUDGED,
)
PLANNED = fact.PublicationPlanned(**asdict(PLAN))
SCHEDULED = fact.PublicationScheduled(at=NOW)
DUE = fact.PublicationDue(at=NOW)
BEFORE = NOW + timedelta(seconds=30)
INTENDED = fact.PublicationIntended(token="one", job_id="j", call_before=BEFORE)
SETTLE = BEFORE + timedelta(seconds=12)
UNKNOWN = fact.PublicationUnknown(token="one", settle_after=SETTLE, reason="lost")
SUBMITTED = fact.PublicationSubmitted("BV1", "https://b/BV1", "reviewing", "answer")
INTEND = wish.RecordIntent(token="two", job_id="j2", call_before=BEFORE)
DUE_NOW = (PLANNED, SCHEDULED, DUE)


def test_a_plan_is_recorded_once() -> None:
    assert when("publication", PLAN) == PLANNED
    assert when("publication", PLAN, PLANNED) is None


def test_another_plan_under_the_same_id_is_refused() -> None:
    other = replace(PLAN, title="other")

    assert refused("publication", other, PLANNED).code == "publication_exists"


def test_a_plan_whose_words_nobody_judged_is_refused_and_an_old_one_goes_on() -> None:
    bare = replace(PLAN, moderation=None)
    old = fact.PublicationPlanned(**asdict(bare))

    assert refused("publication", bare).code == "moderation_missing"
    assert when("publication", wish.SchedulePublication(), old) == SCHEDULED


def test_a_plan_without_an_approval_is_refused() -> None:
    bare = replace(PLAN, approval=Evidence("copy.approved", "", 0))

    assert refused("publication", bare).pointer == "/copyId"


def test_the_timer_fires_once_and_only_for_its_own_instant() -> None:
    fire = wish.FirePublication(at=NOW)
    early = wish.FirePublication(at=NOW - timedelta(hours=1))

    assert when("publication", fire, PLANNED, SCHEDULED) == DUE
    assert when("publication", fire, *DUE_NOW) is None
    assert when("publication", early, PLANNED, SCHEDULED) is None


def test_a_late_timer_says_by_how_much() -> None:
    late = wish.FirePublication(NOW, NOW + timedelta(minutes=10))

    due = when("publication", late, PLANNED, SCHEDULED)

    assert due == fact.PublicationDue(NOW, 600.0)


def test_past_its_grace_it_is_missed_and_never_goes_out_by_itself() -> None:
    fire = wish.FirePublication(NOW, NOW + timedelta(seconds=61), grace_s=60)

    missed = when("publication", fire, PLANNED, SCHEDULED)

    assert missed == fact.PublicationMissed("a", NOW, 61.0)
    again = wish.FirePublication(NOW, NOW)
    assert when("publication", again, PLANNED, SCHEDULED, missed) is None
    assert refused("publication", INTEND, PLANNED, SCHEDULED, missed).code == (
        "already_missed"
    )


def test_what_a_plan_says_about_lateness_goes_before_the_installation() -> None:
    patient = replace(PLANNED.schedule, not_after=NOW + timedelta(days=1))
    plan = replace(PLANNED, schedule=patient)
    fire = wish.FirePublication(NOW, NOW + timedelta(hours=2), grace_s=60)

    assert isinstance(when("publication", fire, plan, SCHEDULED), fact.PublicationDue)


def test_a_missed_one_may_be_confirmed_by_the_person_who_published_it() -> None:
    missed = fact.PublicationMissed("a", NOW, 4000.0)
    by_hand = wish.ConfirmPublication("https://example.org/v/1")

    found = when("publication", by_hand, PLANNED, SCHEDULED, missed)

    assert isinstance(found, fact.PublicationPublished)


def test_a_second_intent_is_refused_while_one_is_open() -> None:
    for state in ((INTENDED,), (INTENDED, UNKNOWN)):
        no = refused("publication", INTEND, *DUE_NOW, *state)
        assert no.code == "intent_open"


def test_an_intent_before_the_time_is_refused() -> None:
    no = refused("publication", INTEND, PLANNED, SCHEDULED)

    assert no.code == "already_scheduled"


def test_not_there_counts_only_after_no_call_can_be_under_way() -> None:
    early = wish.RecordNotThere("one", SETTLE - timedelta(seconds=1), "look_up")
    late = wish.RecordNotThere("one", SETTLE, "look_up")

    assert (
        refused("publication", early, *DUE_NOW, INTENDED, UNKNOWN).code == "too_early"
    )
    cleared = when("publication", late, *DUE_NOW, INTENDED, UNKNOWN)
    assert cleared == fact.PublicationCleared(token="one", found_by="look_up")


def test_not_there_for_another_intent_is_refused() -> None:
    other = wish.RecordNotThere("two", SETTLE, "look_up")

    assert refused("publication", other, *DUE_NOW, INTENDED, UNKNOWN).code == (
        "intent_other"
    )


def test_a_cleared_intent_allows_a_new_one() -> None:
    cleared = fact.PublicationCleared(token="one", found_by="look_up")

    found = when("publication", INTEND, *DUE_NOW, INTENDED, UNKNOWN, cleared)

    assert isinstance(found, fact.PublicationIntended)


def test_a_second_item_at_the_platform_is_never_swallowed() -> None:
    second = wish.RecordSubmission("BV2", "", "reviewing", "answer", token="two")

    no = refused("publication", second, *DUE_NOW, INTENDED, SUBMITTED)

    assert no.code == "second_item"


def test_a_lost_job_with_an_open_intent_is_unknown_not_failed() -> None:
    lost = wish.FailPublication(code="job_lost", reason="two workers died")

    found = when("publication", lost, *DUE_NOW, INTENDED)

    assert isinstance(found, fact.PublicationUnknown)
    assert found.settle_after > BEFORE


def test_the_platforms_own_no_closes_the_intent() -> None:
    no = wish.FailPublication(code="123008", reason="title too long", token="one")

    assert isinstance(
        when("publication", no, *DUE_NOW, INTENDED), fact.PublicationFailed
    )


def test_the_webhook_may_come_before_the_answer_to_the_submit() -> None:
    opened = wish.RecordReview(state="published", item_id="BV1")

    found = when("publication", opened, *DUE_NOW, INTENDED)

    assert isinstance(found, fact.PublicationPublished)
    late = wish.RecordSubmission("BV1", "", "reviewing", "answer", token="one")
    assert when("publication", late, *DUE_NOW, INTENDED, found) is None


def test_a_link_that_is_no_link_names_the_field() -> None:
    wrong = wish.ConfirmPublication(link="javascript:alert(1)")
    handed = fact.PublicationHandedOff("j", "k", "share", BEFORE)

    assert refused("publication", wrong, *DUE_NOW, handed).pointer == "/link"


TIMES = st.integers(min_value=0, max_value=90).map(lambda s: NOW + timedelta(seconds=s))
TOKENS = st.sampled_from(["one", "two", "three"])
WISHES = st.one_of(
    st.builds(wish.RecordIntent, TOKENS, st.just("j"), st.just(BEFORE)),
    st.builds(
        wish.RecordSubmission,
        st.sampled_from(["BV1", "BV2"]),
        st.just(""),
        st.just("reviewing"),
        st.just("answer"),
        TOKENS,
    ),
    st.builds(wish.RecordUnknown, TOKENS, st.just(SETTLE), st.just("lost")),
    st.builds(wish.RecordNotThere, TOKENS, TIMES, st.just("look_up")),
    st.builds(
        wish.RecordReview,
        st.sampled_from(["published", "reviewing", "rejected"]),
        st.sampled_from(["BV1", ""]),
    ),
    st.builds(wish.ConfirmPublication, st.just("https://b/BV1")),
    st.builds(wish.FailPublication, st.just("c"), st.just("r"), TOKENS),
)


@settings(max_examples=300)
@given(st.lists(WISHES, max_size=25))
def test_in_any_history_intents_never_overlap_and_repeats_change_nothing(
    wishes: list[wish.PublicationCommand],
) -> None:
    state = initial
    for event in DUE_NOW:
        state = evolve(state, event)
    unsettled: set[str] = set()
    for command in wishes:
        try:
            event = decide(command, state)
        except Rejected:
            continue
        if event is None:
            continue
        if isinstance(event, fact.PublicationIntended):
            assert not unsettled, "an intent was opened over an open one"
            unsettled.add(event.token)
        if isinstance(event, fact.PublicationCleared):
            assert command.seen_at >= SETTLE
            unsettled.clear()
        state = evolve(state, event)
        with contextlib.suppress(Rejected):
            assert decide(command, state) is None
