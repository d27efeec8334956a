"""Texts become jobs, jobs vectors, vectors rows: each with the model it is of."""

import pytest

from ai_adapter.embedding import minilm
from ai_adapter.embedding.embedder import Local
from fixtures.fix_records import Chronicle
from projections.vectors.project import project
from schemas.commands.job import RequestJob
from schemas.events.asset import AssetDescribed
from schemas.events.content import CopyApproved, ProjectCreated
from schemas.events.job import JobCompleted
from schemas.registry import Data
from schemas.vectors import EmbedInput
from streams.agents.embedding import Embedding
from streams.agents.work import Job
from streams.reactions.embed_texts import MOST_CHARS, react
from streams.reactions.registry import REACTIONS

COPY = "5f0f7c86-9d0b-5f0e-8d0e-6f1f0d6f4c01"


def wishes(data: Data, aggregate: str = "copy") -> list[RequestJob]:
    record = Chronicle().record(data, aggregate, COPY, "acme")
    return [each.data for each in react(record) if isinstance(each.data, RequestJob)]


def test_what_a_copy_says_and_how_an_asset_is_described_become_jobs() -> None:
    (copy,) = wishes(CopyApproved(0, "Ride at night."))
    (asset,) = wishes(AssetDescribed("Lamp", ("night",), ("bikes",)), "asset")

    assert copy.input == EmbedInput("copy", COPY, "Ride at night.")
    assert asset.input == EmbedInput("asset", COPY, "Lamp\nnight\nbikes")
    assert (copy.role, copy.subject) == ("ai", f"copy/{COPY}")


@pytest.mark.parametrize("data", [AssetDescribed(), ProjectCreated("p")])
def test_where_nothing_is_written_there_is_nothing_to_do(data: Data) -> None:
    assert wishes(data, "asset") == []


def test_a_long_text_is_cut_and_the_reaction_runs_only_where_it_is_added() -> None:
    (wish,) = wishes(CopyApproved(0, "x" * 100_000))

    assert isinstance(wish.input, EmbedInput)
    assert len(wish.input.text) == MOST_CHARS
    assert react not in REACTIONS.values()


async def test_a_job_gives_a_vector_and_its_row_names_the_model() -> None:
    wanted = EmbedInput("copy", COPY, "Ride at night.")
    job = Job(id="j", tenant="acme", subject=f"copy/{COPY}", input=wanted, token="t")

    made = await Embedding(Local()).embed(job, lambda _share, _words: None)
    done = JobCompleted("ai", f"copy/{COPY}", "t", 1, made, 0.1)
    (row,) = project(Chronicle().record(done, "job", "j", "acme"))

    told = {name: row.values[name] for name in ("kind", "subject_id", "model", "size")}
    assert told == {
        "kind": "copy",
        "subject_id": COPY,
        "model": minilm.MODEL,
        "size": minilm.SIZE,
    }
    numbers = [float(each) for each in str(row.values["vector"])[1:-1].split(",")]
    exact = (await Local().embed([wanted.text])).vectors[0]
    assert numbers == pytest.approx(exact, abs=1e-6)
