"""The story the demo tells, step by step, from an upload to what it brought."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from infra.demo.client import Client, Json, Thing, stranger, things
from infra.demo.clip import Clip
from infra.demo.screen import Screen
from infra.problem import Stop

V1 = "/api/v1"
STEPS = 13
PROFILES = ["720p", "480p"]
BRIEF = "为城市夜骑灯写一段温暖、有画面感的文案，面向下班晚归的年轻人"
TITLE = "城市夜骑：给晚归的人一束光"
TAGS = ["夜骑", "城市", "好物"]
ZONE = "Asia/Shanghai"
AHEAD = timedelta(seconds=3)
LEAD: Thing = {
    "name": "林晓 <b>夜骑</b>",
    "phone": "13800138000",
    "message": "想了解团购价格",
}


@dataclass
class Story:
    """What is known so far; `stages` are the stand-ins' addresses by platform."""

    client: Client
    screen: Screen
    clip: Clip
    stages: dict[str, str]
    clock: Callable[[], datetime]
    project: str = ""
    asset: str = ""
    video: Thing = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    publications: dict[str, str] = field(default_factory=dict)
    page: Thing = field(default_factory=dict)
    lead: Thing = field(default_factory=dict)
    operation: str = ""


def tell(story: Story) -> None:
    """Raises Stop with one sentence where the story does not go on."""
    with story.screen:
        for chapter in (
            _project,
            _upload,
            _ask_for_work,
            _renditions,
            _copies,
            _approve,
            _accounts,
            _publish,
            _hand_off,
            _published,
            _page,
            _lead,
            _metrics,
        ):
            chapter(story)


def _project(story: Story) -> None:
    with story.screen.step("create a project") as say:
        made = story.client.post(f"{V1}/projects", {"name": "秋季夜骑上新"})
        story.project = str(made["id"])
        say(story.project)


def _upload(story: Story) -> None:
    """The body goes straight to the store; the API only signs the way there."""
    client, clip = story.client, story.clip
    with story.screen.step("upload the clip") as say:
        wish: Thing = {
            "filename": clip.path.name,
            "contentType": clip.content_type,
            "size": clip.size,
            "projectId": story.project,
            "sha256": clip.sha256,
        }
        made = client.post(f"{V1}/assets/presign", wish)
        story.asset, upload = str(made["id"]), made["upload"]
        parts = client.put_file(upload if isinstance(upload, dict) else {}, clip.path)
        client.post(f"{V1}/assets/{story.asset}/complete", {"parts": parts})
        say(f"{clip.path.name}, {clip.size / 1e6:.1f} MB")


def _ask_for_work(story: Story) -> None:
    client = story.client
    with story.screen.step("look into it, order renditions") as say:
        ready = client.until(f"{V1}/assets/{story.asset}", "ready", say=say)
        wish: Thing = {
            "type": "transcode",
            "assetId": story.asset,
            "profiles": list[Json](PROFILES),
        }
        job = client.post(f"{V1}/media/jobs", wish, wait=0)
        story.video = {"id": job["videoId"]}
        say(_facts(ready.get("facts")))


def _facts(facts: Json) -> str:
    if not isinstance(facts, dict):
        return ""
    size = f"{facts['width']}x{facts['height']}"
    return (
        f"{size} {facts['videoCodec']}/{facts['audioCodec']} {facts['durationMs']} ms"
    )


def _renditions(story: Story) -> None:
    with story.screen.step("wait for the renditions") as say:
        path = f"{V1}/videos/{story.video['id']}"
        story.video = story.client.until(path, "ready", say=say, limit_s=300)
        names = [str(each["name"]) for each in things(story.video["renditions"])]
        say(f"{', '.join(names)}, HLS, cover; {story.video['bitRate']} bit/s")


def _copies(story: Story) -> None:
    client = story.client
    with story.screen.step("have copy written") as say:
        for platform in story.stages:
            wish: Thing = {
                "task": "copy",
                "platform": platform,
                "brief": BRIEF,
                "videoId": story.video["id"],
            }
            story.copies[platform] = str(client.post(f"{V1}/copies", wish)["id"])
        for copy in story.copies.values():
            found = client.until(f"{V1}/copies/{copy}", "generated", say=say)
            by = f"{found['provider']}/{found['modelName']}"
            say(f"{by}{' (degraded: no AI key is set)' * bool(found['degraded'])}")


def _approve(story: Story) -> None:
    with story.screen.step("a person approves both texts") as say:
        for copy in story.copies.values():
            done = story.client.post(f"{V1}/copies/{copy}/approve", {"variant": 0})
            say(str(done.get("text", ""))[:60].replace("\n", " "))


def _accounts(story: Story) -> None:
    """The stand-in signs a creator in; the credential goes to the secret store."""
    with story.screen.step("connect an account per platform") as say:
        for platform, stage in story.stages.items():
            granted = stranger("POST", f"{stage}/sandbox/accounts", {})
            wish: Thing = {
                "platform": platform,
                "openId": granted["openId"],
                "name": "夜行官方号",
                "credential": {
                    "access_token": granted["accessToken"],
                    "refresh_token": granted["refreshToken"],
                },
            }
            story.accounts[platform] = str(
                story.client.post(f"{V1}/accounts", wish)["id"]
            )
        say(", ".join(story.accounts))


def _publish(story: Story) -> None:
    """Bilibili at once, Douyin a moment later by the creator's own clock."""
    with story.screen.step("publish, one now and one later") as say:
        later = (story.clock().astimezone(ZoneInfo(ZONE)) + AHEAD).replace(tzinfo=None)
        times: dict[str, Thing] = {
            "douyin": {"scheduleAt": later.isoformat("T", "seconds"), "timezone": ZONE}
        }
        for platform, account in story.accounts.items():
            wish: Thing = {
                "videoId": story.video["id"],
                "platform": platform,
                "accountId": account,
                "copyId": story.copies[platform],
                "title": TITLE,
                "tags": list[Json](TAGS),
                **times.get(platform, {}),
            }
            made = story.client.post(f"{V1}/publish", wish)
            story.publications[platform] = str(made["id"])
        say(f"douyin at {later:%H:%M:%S} {ZONE}")


def _hand_off(story: Story) -> None:
    """Douyin lets a person post: open the signed link, post, paste the link back."""
    client = story.client
    with story.screen.step("hand off to a person at Douyin") as say:
        path = f"{V1}/publications/{story.publications['douyin']}"
        found = client.until(path, "handed_off", say=say)
        link = _share_link(found)
        stage = story.stages["douyin"]
        posted = stranger("POST", f"{stage}/sandbox/person/confirm", {"link": link})
        client.post(f"{path}/confirm", {"link": posted["link"]})
        say(str(posted["link"]))


def _share_link(publication: Thing) -> str:
    pack = publication.get("handOff")
    link = pack.get("link") if isinstance(pack, dict) else None
    if not link:
        raise Stop(f"The hand-off has no link: {json.dumps(publication)[:300]}")
    return str(link)


def _published(story: Story) -> None:
    with story.screen.step("webhooks say: published") as say:
        links = []
        for publication in story.publications.values():
            path = f"{V1}/publications/{publication}"
            links.append(story.client.until(path, "published", say=say)["link"])
        say(" ".join(str(link) for link in links))


def _page(story: Story) -> None:
    client = story.client
    with story.screen.step("make a landing page") as say:
        wish: Thing = {"publicationId": story.publications["bilibili"]}
        made = client.post(f"{V1}/landing-pages", wish)
        story.page = client.get(f"{V1}/landing-pages/{made['id']}")
        address = str(story.page["url"])
        if "<form" not in client.text(address):
            raise Stop(f"The page at {address} has no form.")
        say(address)


def _lead(story: Story) -> None:
    """A visitor has no key; the contact is sealed before it reaches the log."""
    with story.screen.step("a visitor leaves a lead") as say:
        client = story.client
        address = f"{client.base}{V1}/leads/forms/{story.page['code']}"
        form: Thing = {"fields": LEAD, "consent": True, "nonce": str(uuid4())}
        sent = stranger("POST", address, form, repeatable=True)
        story.operation = str(sent["operationId"])
        page = str(story.page["id"])
        story.lead = client.until_some(lambda: _leads(client, page), "The lead")[0]
        say(json.dumps(story.lead.get("contact"), ensure_ascii=False))


def _metrics(story: Story) -> None:
    """Bilibili is asked; Douyin's numbers are typed in by a person."""
    client = story.client
    with story.screen.step("fetch the numbers") as say:
        typed: Thing = {"views": 640, "likes": 52, "comments": 9, "shares": 4}
        for platform, publication in story.publications.items():
            body = typed if platform == "douyin" else None
            client.post(f"{V1}/publications/{publication}/metrics", body)
        found = client.until_some(lambda: _counted(story), "The numbers")
        say(", ".join(f"{row['platform']} {row['views']} views" for row in found))


def _leads(client: Client, page: str) -> list[Thing]:
    return things(client.get(f"{V1}/leads", pageId=page)["items"])


def _counted(story: Story) -> list[Thing]:
    """The rows of this story's publications, once each has its views."""
    ours = set(story.publications.values())
    rows = [row for row in overview(story.client) if row["publicationId"] in ours]
    return rows if len(rows) == len(ours) and all(row["views"] for row in rows) else []


def overview(client: Client) -> list[Thing]:
    """Each publication with what it brought, as ClickHouse counts it."""
    return things(client.get(f"{V1}/analytics/overview").get("items"))
