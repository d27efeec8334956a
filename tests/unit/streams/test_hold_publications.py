"""A publication whose copy was changed is held, and its slot is free again."""

from fixtures.fix_records import Chronicle
from schemas.commands.account import ReleaseSlot
from schemas.events.content import CopyRevised, CopyUsed
from schemas.events.publication import PublicationRefused
from streams.reactions import arrange_slots, hold_publications


def test_a_publication_of_a_changed_copy_is_held_and_frees_its_slot() -> None:
    chronicle = Chronicle()
    revised = CopyRevised(2, "edit", "new", "zh", 1, uses=("pub-1", "pub-2"))
    held = list(hold_publications.react(chronicle.record(revised, "copy", "c")))

    assert [each.aggregate_id for each in held] == ["pub-1", "pub-2"]
    assert {each.data for each in held} == {hold_publications.HOLD}
    changed = CopyUsed("pub-3", changed=True)
    (late,) = hold_publications.react(chronicle.record(changed, "copy", "c"))
    assert late.aggregate_id == "pub-3"
    fine = chronicle.record(CopyUsed("pub-4"), "copy", "c")
    assert list(hold_publications.react(fine)) == []
    no = PublicationRefused("copy_changed", "r", "account")
    (freed,) = arrange_slots.react(chronicle.record(no, "publication", "pub-1"))
    assert (freed.data, freed.aggregate_id) == (ReleaseSlot("pub-1"), "account")
