"""Moderation over HTTP: a trial, own words, the queue, and a person's decision."""

from fixtures.fix_api import Tenant


def test_own_words_are_set_as_a_whole_and_count_at_once(
    tenant: Tenant, other: Tenant
) -> None:
    text = {"text": "小明茶，国家级好茶，加微信领取", "platform": "douyin"}
    told = tenant.http.post("/ai/moderation/check", json=text).json()
    assert told["ruling"] == "block"
    assert {each["word"] for each in told["flags"]} == {"国家级", "加微信"}
    assert any(each.startswith("douyin@") for each in told["by"])

    words = {"forbidden": ["小明茶"], "allowed": ["国家级", "加微信"]}
    changed = tenant.http.put(
        "/ai/moderation/words", json=words, headers={"Prefer": "wait=10"}
    )
    assert changed.status_code == 200, changed.text
    again = tenant.http.post("/ai/moderation/check", json=text).json()
    assert [each["word"] for each in again["flags"]] == ["小明茶"]
    assert other.http.get("/ai/moderation/words").json()["forbidden"] == []
    twice = {"forbidden": ["茶"], "allowed": ["茶"]}
    assert tenant.http.put("/ai/moderation/words", json=twice).status_code == 422
    by_operator = tenant.client("operator").put("/ai/moderation/words", json=words)
    assert by_operator.status_code == 403


def test_only_what_was_judged_is_decided(tenant: Tenant) -> None:
    decision = {"accept": True, "reason": "A quotation."}
    missing = "11111111-1111-5111-8111-111111111111"
    answer = tenant.http.post(f"/ai/moderation/{missing}/decision", json=decision)
    assert answer.status_code == 404
    assert tenant.http.get("/ai/moderation/queue").json()["items"] == []
