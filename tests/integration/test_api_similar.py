"""Search by meaning over vectors in Postgres: near first, own model, own tenant."""

import asyncio

import pytest

from ai_adapter.embedding import minilm
from ai_adapter.embedding.embedder import Local
from fixtures.fix_api import Tenant, eventually
from schemas.commands.job import CompleteJob, RequestJob, StartAttempt
from schemas.ids import derived
from schemas.vectors import EmbedInput, Vectored

TEXTS = {
    "tour": "A bicycle tour after dark",
    "taxes": "Tax forms are due in May",
    "soup": "Tomato soup in five minutes",
}


def told(tenant: Tenant, name: str, made: Vectored) -> None:
    """As if a worker had done the job for this text."""
    job_id = derived("similar", tenant.name, name)
    given = EmbedInput(made.kind, made.subject_id, "text")
    subject = f"copy/{made.subject_id}"
    tenant.tell(RequestJob("direct", subject, given, name), job_id)
    tenant.tell(StartAttempt("t"), job_id)
    tenant.tell(CompleteJob("t", made, 0.1), job_id)


def vectored(name: str, text: str, model: str = minilm.MODEL) -> Vectored:
    made = asyncio.run(Local().embed([text]))
    return Vectored("copy", name, model, made.vectors[0])


@pytest.fixture
def shelf(tenant: Tenant) -> Tenant:
    for name, text in TEXTS.items():
        told(tenant, name, vectored(name, text))
    told(tenant, "of another model", vectored("alien", "Cycling at night", "other"))
    told(tenant, "older", vectored("moved", "Cycling at night"))
    told(tenant, "newer", vectored("moved", "Insurance for dentists"))
    return tenant


def test_what_means_the_same_comes_first_and_only_the_newest_text_counts(
    shelf: Tenant, other: Tenant
) -> None:
    def found() -> list[dict[str, object]] | None:
        asked = {"q": "Cycling at night", "limit": 3}
        items = shelf.http.get("/search/similar", params=asked).json()["items"]
        return items if len(items) == 3 else None

    items = eventually(found)

    assert items[0]["id"] == "tour"
    assert items[0]["likeness"] > 0.6 > items[1]["likeness"]
    everything = shelf.http.get("/search/similar", params={"q": "x"}).json()
    assert {each["id"] for each in everything["items"]} == {*TEXTS, "moved"}
    assert (everything["model"], everything["degraded"]) == (minilm.MODEL, False)
    stranger = other.http.get("/search/similar", params={"q": "x"})
    assert stranger.json()["items"] == []
