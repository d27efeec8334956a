"""Runs the demo on a stack and prints where to look afterwards."""

import secrets
import time
from pathlib import Path

from infra import inspect, keys
from infra.demo import clip, story
from infra.demo.client import Client, Thing, things
from infra.demo.hosting import hosted
from infra.demo.screen import Screen
from infra.demo.story import V1, Story
from infra.inspect import Fact
from infra.problem import Stop
from infra.settings import Settings
from schemas.clock import utc_now

CALENDAR = ("local", "timezone", "platform", "status", "title", "link")
BROUGHT = (
    "platform",
    "views",
    "likes",
    "comments",
    "shares",
    "interactionRate",
    "leads",
    "aiCost",
    "mediaSeconds",
)
SQL = """SELECT platform, views, likes, comments, shares, interaction_rate, leads,
       ai_cost, media_seconds
FROM publication_performance"""


def run(settings: Settings, video: Path | None) -> int:
    console = inspect.wide_console()
    chosen = clip.find(video, settings.cache)
    if chosen.licence:
        console.print(f"clip: {chosen.path.name} ({chosen.licence})", highlight=False)
    screen = Screen(console, story.STEPS)
    with hosted(settings, screen.say) as running:
        stages = _stages(running)
        tenant = f"demo-{secrets.token_hex(3)}"
        client = Client(running.api_url, keys.create(running, tenant, "admin"))
        began = time.monotonic()
        told = Story(client, screen, chosen, stages, utc_now)
        try:
            client.listen(screen.news)
            story.tell(told)
            _look_back(told)
            _where(running, told, tenant, time.monotonic() - began)
        finally:
            client.close()
    return 0


def _stages(settings: Settings) -> dict[str, str]:
    """The demo posts made-up things: to stand-ins, never to a real platform."""
    found = {
        "bilibili": settings.bilibili_base_url,
        "douyin": settings.douyin_base_url,
    }
    for platform, address in found.items():
        if address is None or "//127.0.0.1:" not in address:
            raise Stop(
                f"{platform} is set up for real here and the demo only posts to "
                "stand-ins: run it with another data directory and no credentials."
            )
    return {platform: str(address) for platform, address in found.items()}


def _look_back(told: Story) -> None:
    """Why the lead is there, what goes out when, and what it brought."""
    client, console = told.client, told.screen.console
    event = str(client.get(f"{V1}/operations/{told.operation}")["eventId"])
    nodes = things(client.get(f"{V1}/events/{event}/explain")["nodes"])
    there = {str(node["id"]) for node in nodes}
    facts = {fact.id: fact for fact in (_fact(node, there) for node in nodes)}
    console.print("\n[bold]Why this lead?[/] (contentops log explain)")
    console.print(inspect.tree(facts, event))
    told.screen.table(
        "Calendar (GET /api/v1/calendar)",
        (
            {name: row[name] for name in CALENDAR}
            for row in things(client.get(f"{V1}/calendar")["items"])
        ),
    )
    told.screen.table(
        "What it brought (ClickHouse, GET /api/v1/analytics/overview)",
        ({name: row[name] for name in BROUGHT} for row in story.overview(client)),
    )
    console.print(f"[dim]The same as analyst:\n{SQL}", highlight=False)


def _fact(node: Thing, there: set[str]) -> Fact:
    causes = node.get("causes")
    listed = [str(each) for each in causes] if isinstance(causes, list) else []
    known = [each for each in listed if each in there]
    return Fact(
        id=str(node["id"]),
        type=str(node["type"]),
        subject=str(node["subject"]),
        at=str(node["at"]),
        place=f"{node['topic']}[{node['partition']}]@{node['offset']}",
        cause=known[0] if known else "",
        evidence=tuple(known[1:]),
    )


def _where(settings: Settings, told: Story, tenant: str, seconds: float) -> None:
    console = told.screen.console
    rows = {
        "watch": told.video.get("watchUrl"),
        "landing page": told.page.get("url"),
        "API": f"{settings.api_url}/docs",
        "data": settings.data,
        "tenant": tenant,
        "again": "contentops up, then: contentops key create --tenant " + tenant,
    }
    console.print(f"\n[bold green]done in {seconds:.1f} s[/]; where to look:")
    for name, value in rows.items():
        console.print(f"  {name:<14}{value}", highlight=False, soft_wrap=True)
