"""The acceptance rule, and records it must not believe."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import Envelope
from streams.acceptance import CLAIM, Fence, accept

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def envelope(kind: str, epoch: int, owner: str, n: int = 0) -> Envelope:
    return Envelope(
        id="i",
        type=kind,
        subject="copy/1",
        tenant="t",
        time=NOW,
        epoch=epoch,
        owner=owner,
        n=n,
    )


def test_a_claim_of_the_next_epoch_takes_the_partition() -> None:
    assert accept(Fence(3, "a", 9), envelope(CLAIM, 4, "b")) == Fence(4, "b", 0)


def test_a_late_or_leaping_claim_is_void() -> None:
    for epoch in (2, 3, 5):
        assert accept(Fence(3, "a", 9), envelope(CLAIM, epoch, "b")) is None


def test_a_record_counts_only_with_the_full_triple() -> None:
    fence = Fence(3, "a", 9)

    assert accept(fence, envelope("x", 3, "a", 9)) == Fence(3, "a", 10)
    for void in ((2, "a", 9), (3, "b", 9), (3, "a", 8), (3, "a", 10)):
        assert accept(fence, envelope("x", *void)) is None


RECORDS = st.lists(
    st.builds(
        envelope,
        st.sampled_from([CLAIM, "x"]),
        st.integers(0, 4),
        st.sampled_from("ab"),
        st.integers(0, 4),
    )
)


@given(RECORDS)
def test_all_readers_agree_wherever_they_start(records: list[Envelope]) -> None:
    fence = Fence()
    fences = [fence]
    for record in records:
        fence = accept(fence, record) or fence
        fences.append(fence)
    half = len(records) // 2
    late = fences[half]
    for record in records[half:]:
        late = accept(late, record) or late

    assert late == fences[-1]
