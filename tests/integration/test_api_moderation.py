"""Moderation over HTTP: a trial, own words, the queue, and a person's decision."""

from fixtures.fix_api import Material, Tenant, eventually


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


def test_a_forbidden_word_does_not_go_out_until_an_admin_releases_it(
    material: Material,
) -> None:
    http = material.tenant.http
    wish = material.wish(title="国家级夜骑路线")
    for _ in range(2):
        no = http.post("/publish", json=wish)
        assert no.status_code == 422
        assert no.json()["type"].endswith(":moderation_blocked")
    assert "国家级" in no.json()["detail"]
    waiting = eventually(lambda: http.get("/ai/moderation/queue").json()["items"])
    assert [each["id"] for each in waiting] == [no.json()["moderationId"]]
    assert waiting[0]["flags"][0]["source"].startswith("cn-advertising@")
    place = f"/ai/moderation/{waiting[0]['id']}/decision"
    decision = {"accept": True, "reason": "The name of the route."}
    assert (
        material.tenant.client("operator").post(place, json=decision).status_code == 403
    )
    told = material.tenant.post(place, decision)
    assert (told["status"], told["reason"]) == ("accepted", decision["reason"])

    planned = material.tenant.post("/publish", wish)
    assert planned["title"] == wish["title"]
    harmless = material.tenant.post("/publish", material.wish(title="夜骑路线"))
    assert harmless["status"] in {"planned", "scheduled", "due"}
    assert http.get("/ai/moderation/queue").json()["items"] == []
