"""Search over HTTP: who may ask, what may be asked, and what comes back."""

from typing import Any

import httpx
import pytest

from fixtures.fix_api import Tenant, eventually
from infra.settings import Settings


@pytest.fixture(scope="module")
def shop(edge: Settings) -> Tenant:
    """Five projects that share a word, one of them Chinese."""
    made = Tenant(edge, "search-shop")
    for name in ("spring lights", "spring bikes", "spring rain", "spring roads"):
        made.post("/projects", {"name": name})
    made.post("/projects", {"name": "spring 春季夜骑灯上新"})
    eventually(lambda: len(found(made, q="spring")) == 5)
    return made


def found(tenant: Tenant, **asked: str) -> list[dict[str, Any]]:
    answer = tenant.http.get("/search", params=asked)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_a_hit_says_what_it_is_and_where_the_words_stand(shop: Tenant) -> None:
    (hit,) = found(shop, q="bikes")
    assert (hit["kind"], hit["title"]) == ("project", "spring bikes")
    assert hit["titleMarks"] == [[7, 12]]
    assert shop.http.get(f"/projects/{hit['id']}").status_code == 200


@pytest.mark.parametrize("asked", ["夜骑", "上新", "春季 夜骑灯"])
def test_chinese_is_found_by_its_words(shop: Tenant, asked: str) -> None:
    (hit,) = found(shop, q=asked)
    assert hit["title"] == "spring 春季夜骑灯上新"
    assert hit["titleMarks"]


def test_pages_hold_each_hit_once(shop: Tenant) -> None:
    seen, cursor = [], None
    while True:
        asked = {"q": "spring", "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = shop.http.get("/search", params=asked).json()
        assert len(page["items"]) <= 2
        seen += [each["title"] for each in page["items"]]
        cursor = page.get("next")
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 5


def test_another_tenant_finds_nothing(shop: Tenant, other: Tenant) -> None:
    assert found(other, q="spring") == []
    assert found(shop, q="spring", kind="asset") == []


def test_without_a_key_nobody_is_answered(shop: Tenant) -> None:
    url = f"{shop.settings.api_url}/api/v1/search"
    answer = httpx.get(url, params={"q": "spring"}, trust_env=False)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({}, "/query/q"),
        ({"q": "   "}, "/query/q"),
        ({"q": "x" * 201}, "/query/q"),
        ({"q": "spring", "kind": "person"}, "/query/kind"),
        ({"q": "spring", "cursor": "no cursor"}, "/query/cursor"),
        ({"q": "spring", "limit": "101"}, "/query/limit"),
    ],
)
def test_a_bad_question_names_what_is_wrong(
    shop: Tenant, asked: dict[str, str], pointer: str
) -> None:
    answer = shop.http.get("/search", params=asked)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["pointer"].startswith(pointer)
