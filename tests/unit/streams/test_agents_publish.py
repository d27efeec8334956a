"""Publishing and settling by the real rules, with a platform that obeys the test."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from connectors.base import (
    Account,
    HandOff,
    Post,
    Prepared,
    Review,
    ReviewState,
    Stats,
    Submitted,
)
from connectors.errors import (
    ConnectorError,
    Frozen,
    Misconfigured,
    OutcomeUnknown,
    Reauthorise,
    Refused,
)
from connectors.errors import TryLater as PlatformBusy
from fixtures.fix_moderation import JUDGED
from schemas.commands.publication import (
    FirePublication,
    PlanPublication,
    RecordReview,
    RecordSubmission,
    SchedulePublication,
)
from schemas.events.publication import (
    PublicationCleared,
    PublicationHandedOff,
    PublicationSubmitted,
)
from schemas.jobs import Evidence, Schedule, Settled
from schemas.observations import MetricsObserved
from schemas.publishing import MetricsInput, PublishInput, ReviewInput, SettleInput
from schemas.topics import TRACKING
from streams.agents.posting import AccountRow, Desk, PublicationRow
from streams.agents.publish import Limits, Publishing
from streams.agents.settle import Settling
from streams.agents.work import Impossible, TryLater
from streams.domain.publication import Publication
from tests.unit.streams.workshop import NOON, FakeClock, FakeLog, answers, job, until

LIMITS = Limits()
ITEM = Submitted("BV1", ReviewState.reviewing, "https://p.example/BV1")
NOTHING = Account("a", "open", {})


class FakeDirect:
    """Counts submissions; `answer` says what a call does after it was counted."""

    name = "fake"
    mode = "direct"

    def __init__(self, clock: FakeClock) -> None:
        self.conclusive = True
        self.clock = clock
        self.calls = 0
        self.accepted: list[Submitted] = []
        self.answer: Callable[[], Submitted] = lambda: ITEM
        self.prepare_error: ConnectorError | None = None
        self.reviewed = Review(ReviewState.published, "", "", ITEM.link)
        self.looked_since: datetime | None = None
        self.slow: asyncio.Event | None = None

    async def prepare(self, post: Post, account: Account) -> Prepared:
        if self.prepare_error:
            raise self.prepare_error
        return Prepared("upload", "")

    async def publish(
        self, post: Post, prepared: Prepared, account: Account
    ) -> Submitted:
        self.calls += 1
        if self.slow:
            await self.slow.wait()
        made = self.answer()
        self.accepted.append(made)
        return made

    async def look_up(
        self, post: Post, account: Account, since: datetime
    ) -> Submitted | None:
        self.looked_since = since
        return self.accepted[0] if self.accepted else None

    async def review(self, item_id: str, account: Account) -> Review:
        return self.reviewed

    async def stats(self, item_id: str, account: Account) -> Stats:
        return Stats(10, 3, 2, 1, 5, 0.5)

    async def close(self) -> None:
        return None

    def refuse(self, error: Exception) -> None:
        self.answer = raising(error)

    def accept_and_lose_the_answer(self) -> None:
        def lose() -> Submitted:
            self.accepted.append(ITEM)
            raise OutcomeUnknown("", "no answer")

        self.answer = lose


class FakeHandsOff(FakeDirect):
    mode = "handoff"

    async def hand_off(self, post: Post, account: Account) -> HandOff:
        return HandOff("dy://share", "share-1", NOON + timedelta(hours=1))


class FakeObjects:
    def __init__(self) -> None:
        self.kept: dict[str, object] = {}

    async def download(self, key: str, path: Path) -> None:
        await asyncio.to_thread(path.write_bytes, key.encode())

    async def put_json(self, key: str, value: object) -> None:
        assert key not in self.kept, "objects are written once"
        self.kept[key] = value

    async def presign_get(self, key: str, *, expires: int, content_type: str) -> str:
        return f"https://store.example/{key}"


class FakeSecrets:
    async def get_secret(self, tenant: str, ref: str) -> dict[str, str]:
        return {"access_token": ref}


class Rows:
    """Read models that are always as new as the log, or as old as a test says."""

    def __init__(self, log: FakeLog) -> None:
        self._log = log
        self.behind: PublicationRow | None = None

    async def publication(self, tenant: str, id_: str) -> PublicationRow | None:
        return self.behind or self.now(id_)

    def now(self, id_: str) -> PublicationRow | None:
        state = self._log.state("publication", id_)
        assert isinstance(state, Publication)
        if state.planned is None:
            return None
        plan, intent, lost = state.planned, state.intent, state.lost
        times = [
            record.envelope.time
            for record in self._log.commands
            if getattr(record.data, "call_before", None)
        ]
        return PublicationRow(
            id=id_,
            status=state.status,
            platform=plan.platform,
            account_id=plan.account_id,
            title=plan.title,
            text=plan.text,
            tags=plan.tags,
            mp4_key=plan.mp4_key,
            cover_key=plan.cover_key,
            item_id=state.item_id,
            intent_token=intent.token if intent else "",
            intended_at=times[-1] if times else None,
            call_before=intent.call_before if intent else None,
            settle_after=lost.settle_after if lost else None,
        )

    async def account(self, tenant: str, id_: str) -> AccountRow | None:
        return AccountRow(id_, "open", "secret")


class House:
    """One publication that is due, and everything a worker needs for it."""

    def __init__(self, scratch: Path, kind: type[FakeDirect] = FakeDirect) -> None:
        self.clock = FakeClock()
        self.log = FakeLog()
        self.rows = Rows(self.log)
        self.objects = FakeObjects()
        self.platform = kind(self.clock)
        desk = Desk(self.rows, FakeSecrets(), self.objects, scratch)
        speaking = answers(self.log, self.clock)
        find = {"fake": self.platform}.__getitem__
        self.publishing = Publishing(desk, find, speaking, LIMITS)
        self.settling = Settling(desk, find, speaking, LIMITS)
        self._plan()

    def _plan(self) -> None:
        plan = PlanPublication(
            project_id="pr",
            video_id="v",
            account_id="a",
            platform="fake",
            mode=self.platform.mode,
            title="A title",
            text="words",
            tags=("one", "two"),
            mp4_key="t/videos/v/file.mp4",
            cover_key="t/videos/v/cover.jpg",
            copy_id="c",
            schedule=Schedule(NOON, "2026-03-01T12:00", "UTC"),
            approval=Evidence("copy.approved", "e1", 3),
            material=Evidence("asset.transcoded", "e2", 5),
            moderation=JUDGED,
        )
        for each in (plan, SchedulePublication(), FirePublication(NOON)):
            self.log.given("p", each)

    @property
    def status(self) -> str:
        state = self.log.state("publication", "p")
        assert isinstance(state, Publication)
        return state.status

    async def publish(self, attempt: str = "one") -> Settled:
        wish = job(PublishInput("p"), token=attempt)
        return await self.publishing.publish(wish, quiet)

    async def settle(self, attempt: str = "s") -> Settled:
        wish = job(SettleInput("p"), id_="settle", token=attempt)
        return await self.settling.settle(wish, quiet)

    async def review(self, attempt: str = "r") -> Settled:
        wish = job(ReviewInput("p", "BV1"), id_="review", token=attempt)
        return await self.settling.review(wish, quiet)

    def after_the_wait(self) -> None:
        self.clock.pass_(seconds=60)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_the_intent_is_decided_before_the_one_call(house: House) -> None:
    def call() -> Submitted:
        assert house.status == "intended"
        return ITEM

    house.platform.answer = call

    assert await house.publish() == Settled("submitted")
    assert house.platform.calls == 1
    assert house.status == "submitted"


async def test_the_files_of_a_job_are_gone_after_it(
    house: House, tmp_path: Path
) -> None:
    await house.publish()

    assert not await asyncio.to_thread(lambda: list(tmp_path.iterdir()))


async def test_a_second_attempt_after_success_calls_nobody(house: House) -> None:
    await house.publish()

    assert await house.publish("two") == Settled("submitted")
    assert house.platform.calls == 1


async def test_a_second_attempt_with_old_rows_is_stopped_by_the_log(
    house: House,
) -> None:
    house.rows.behind = house.rows.now("p")
    await house.publish()

    assert await house.publish("two") == Settled("already_submitted")
    assert house.platform.calls == 1


@pytest.mark.parametrize(
    "lost",
    [
        OutcomeUnknown("", "no answer"),
        PlatformBusy(timedelta(seconds=2), "503", "busy"),
        ConnectionResetError("unexpected"),
    ],
)
async def test_anything_but_a_clear_answer_is_unknown_and_not_called_again(
    house: House, lost: Exception
) -> None:
    house.platform.refuse(lost)
    if isinstance(lost, ConnectorError):
        assert await house.publish() == Settled("unknown")
    else:
        with pytest.raises(ConnectionResetError):
            await house.publish()

    assert house.status == "unknown"
    assert await house.publish("two") == Settled("unknown")
    assert house.platform.calls == 1


@pytest.mark.parametrize("kind", [Refused, Reauthorise, Frozen, Misconfigured])
async def test_a_plain_no_fails_it_in_the_platforms_words(
    house: House, kind: type[ConnectorError]
) -> None:
    house.platform.refuse(kind("21012", "the title is taken"))

    with pytest.raises(Impossible) as no:
        await house.publish()

    assert (no.value.code, no.value.reason) == ("21012", "the title is taken")
    assert house.status == "failed"


async def test_an_intent_decided_too_late_is_not_used(house: House) -> None:
    def late(record: object) -> None:
        if getattr(getattr(record, "data", None), "call_before", None):
            house.clock.pass_(seconds=31)

    house.log.before_append = late

    assert await house.publish() == Settled("unknown")
    assert house.platform.calls == 0


async def test_being_stopped_in_the_middle_of_the_call_leaves_unknown(
    house: House,
) -> None:
    house.platform.slow = asyncio.Event()
    running = asyncio.create_task(house.publish())
    await until(lambda: house.platform.calls)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert house.status == "unknown"


async def test_a_worker_that_died_after_its_intent_is_settled_not_repeated(
    house: House,
) -> None:
    class Died(BaseException):
        """Nothing of the worker runs after this."""

    def die(record: object) -> None:
        if house.platform.calls:
            raise Died

    house.log.before_append = die
    with pytest.raises(Died):
        await house.publish()
    house.log.before_append = lambda _record: None
    assert house.status == "intended"

    assert await house.publish("two") == Settled("unknown")

    assert house.platform.calls == 1
    assert house.status == "unknown"


async def test_before_the_intent_a_lost_answer_is_only_a_delay(house: House) -> None:
    house.platform.prepare_error = PlatformBusy(timedelta(seconds=60), "rate", "slow")

    with pytest.raises(TryLater) as later:
        await house.publish()

    assert later.value.after == timedelta(seconds=60)
    assert house.status == "due"


async def test_found_by_looking_it_is_submitted_once(house: House) -> None:
    house.platform.accept_and_lose_the_answer()
    await house.publish()
    house.after_the_wait()

    assert await house.settle() == Settled("submitted")

    (event,) = [e for _, e in house.log.events if isinstance(e, PublicationSubmitted)]
    assert (event.item_id, event.found_by) == ("BV1", "look_up")
    assert house.platform.calls == 1
    assert house.platform.looked_since == NOON - timedelta(seconds=60)


async def test_not_found_it_is_cleared_and_may_be_tried_once_more(house: House) -> None:
    house.platform.refuse(OutcomeUnknown("", "lost before it arrived"))
    await house.publish()
    house.after_the_wait()
    assert await house.settle() == Settled("cleared")

    house.platform.answer = lambda: ITEM
    assert await house.publish("two") == Settled("submitted")

    assert len(house.platform.accepted) == 1
    assert any(isinstance(e, PublicationCleared) for _, e in house.log.events)


async def test_looking_too_early_waits_until_no_submit_can_be_under_way(
    house: House,
) -> None:
    house.platform.refuse(OutcomeUnknown("", "lost"))
    await house.publish()

    with pytest.raises(TryLater) as early:
        await house.settle()

    assert early.value.after == timedelta(seconds=42)
    assert house.status == "unknown"


async def test_a_suggestive_look_up_leaves_it_to_a_person(house: House) -> None:
    house.platform.conclusive = False
    house.platform.refuse(OutcomeUnknown("", "lost"))
    await house.publish()
    house.after_the_wait()

    assert await house.settle() == Settled("needs_person")
    assert house.status == "unknown"


async def test_rows_of_an_earlier_intent_cannot_clear_a_newer_one(house: House) -> None:
    house.platform.refuse(OutcomeUnknown("", "lost"))
    await house.publish()
    house.after_the_wait()
    old = house.rows.now("p")
    await house.settle()
    await house.publish("two")
    house.rows.behind = old

    with pytest.raises(TryLater):
        await house.settle("again")

    assert house.status == "unknown"


async def test_old_rows_after_clearing_do_not_stop_the_second_try(house: House) -> None:
    house.platform.refuse(OutcomeUnknown("", "lost"))
    await house.publish()
    house.after_the_wait()
    house.rows.behind = house.rows.now("p")
    await house.settle()
    house.platform.answer = lambda: ITEM

    assert await house.publish("two") == Settled("submitted")


async def test_a_review_under_way_is_asked_again_after_the_pause(house: House) -> None:
    await house.publish()
    house.platform.reviewed = Review(ReviewState.reviewing, "", "", "")

    with pytest.raises(TryLater) as later:
        await house.review()

    assert later.value.after == LIMITS.review_pause
    assert house.log.told(RecordReview) == []


async def test_a_review_that_ended_is_told_in_the_platforms_words(house: House) -> None:
    await house.publish()
    house.platform.reviewed = Review(ReviewState.rejected, "-16", "music", "")

    assert await house.review() == Settled("rejected")
    assert house.status == "rejected"


async def test_a_webhook_shortens_the_review(house: House) -> None:
    await house.publish()
    house.log.given("p", RecordReview("published", "BV1", link="https://p.example/1"))

    assert await house.review() == Settled("published")
    assert len(house.log.told(RecordReview)) == 1


async def test_metrics_are_one_observation_however_often_they_are_counted(
    house: House,
) -> None:
    await house.publish()
    wish = MetricsInput("p", "BV1")

    for attempt in ("one", "two"):
        counted = job(wish, id_="count", token=attempt)
        assert await house.settling.metrics(counted, quiet) == Settled("observed")

    (topic, first), (_, second) = house.log.observed
    assert topic == TRACKING
    assert first.envelope.id == second.envelope.id
    assert first.envelope.key == "t:p"
    assert isinstance(first.data, MetricsObserved)
    assert (first.data.views, first.data.completion_rate) == (10, 0.5)


async def test_handing_off_leaves_a_pack_for_a_person(tmp_path: Path) -> None:
    house = House(tmp_path, FakeHandsOff)

    assert await house.publish() == Settled("handed_off")

    (event,) = [e for _, e in house.log.events if isinstance(e, PublicationHandedOff)]
    pack = house.objects.kept[event.pack_key]
    assert event.pack_key.startswith("t/packs/p/")
    assert event.share_id == "share-1"
    assert msgspec.convert(pack, dict[str, object])["link"] == "dy://share"
    assert house.platform.calls == 0


async def test_handing_off_twice_is_one_hand_off(tmp_path: Path) -> None:
    house = House(tmp_path, FakeHandsOff)
    house.rows.behind = house.rows.now("p")

    await house.publish()
    await house.publish("two")

    handed = [e for _, e in house.log.events if isinstance(e, PublicationHandedOff)]
    assert len(handed) == 1
    assert len(house.log.told(RecordSubmission)) == 0


def quiet(_percent: int, _text: str) -> None:
    return None


def raising(error: Exception) -> Callable[[], Submitted]:
    def answer() -> Submitted:
        raise error

    return answer
