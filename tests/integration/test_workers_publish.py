"""The publish worker, all the way, against a stand-in that drops answers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from connectors import registry
from connectors.base import AppSecrets
from connectors.sandboxes import serving
from connectors.stage import Script, Step
from fixtures.fix_moderation import JUDGED
from infra.settings import Settings
from infra.wiring import ports
from schemas.clock import utc_now
from schemas.commands.account import ConnectAccount
from schemas.commands.publication import PlanPublication
from schemas.ids import account_id
from schemas.jobs import Evidence, Schedule
from tests.integration.rolling import Site, site, until

SECRETS = AppSecrets("client", "very secret")
JPEG = b"\xff\xd8\xff\xe0" + b"0" * 200 + b"\xff\xd9"
LOST = Step("drop_answer_after_accepting")
NEVER_ARRIVED = Step("drop_before")
FLOW = """
SELECT array_agg(split_part(type, '.', 4) ORDER BY version)
FROM read.publication_log WHERE publication_id = %s
"""


@pytest.fixture(scope="module")
def city(stack: Settings) -> Iterator[Site]:
    """Everything but the worker, whose platform is another one in each test."""
    quick = stack.replace(
        {
            "lease_s": 4.0,
            "heartbeat_s": 0.5,
            "call_before_s": 3.0,
            "request_limit_s": 0.5,
            "clock_slack_s": 0.5,
        }
    )
    with site(quick, "decider", "projector", "reactor", "dispatcher") as opened:
        yield opened


class Stage:
    """One creator on one stand-in, and a worker that knows its address."""

    def __init__(self, city: Site, url: str) -> None:
        self.city = city
        self.url = url
        self.worker = f"worker-{uuid4().hex[:6]}"
        self.prefix = f"{city.tenant}/videos/{uuid4().hex}"

    def begin(self, folder: Path) -> None:
        asyncio.run(self._prepare(folder))
        self.start_worker()

    def start_worker(self) -> None:
        """With the stand-in's address; the rest of the site does not know it."""
        address = {
            "bilibili_client_id": SECRETS.client_id,
            "bilibili_client_secret": SECRETS.client_secret,
            "bilibili_base_url": self.url,
            "bilibili_upload_url": self.url,
        }
        settings = self.city.settings
        self.city.settings = settings.replace(address)
        self.city.start(self.worker, "-m", "infra.cli", "run", "worker-publish")
        self.city.settings = settings

    async def _prepare(self, folder: Path) -> None:
        """A creator whose credential is sealed, and a finished video in the store."""
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{self.url}/sandbox/accounts", json={})
        given = answer.json()
        async with ports(self.city.settings, "worker") as opened:
            keyring = await opened.keyring()
            token = f'{{"access_token": "{given["accessToken"]}"}}'.encode()
            name = given["openId"]
            ref = await keyring.put_secret(self.city.tenant, name, token)
            for file, content, kind in (
                ("file.mp4", b"0" * 1000, "video/mp4"),
                ("cover.jpg", JPEG, "image/jpeg"),
            ):
                path = folder / file
                await asyncio.to_thread(path.write_bytes, content)
                await opened.storage.upload(path, f"{self.prefix}/{file}", kind)
        self.account_id = account_id(self.city.tenant, "bilibili", name)
        connect = ConnectAccount("bilibili", name, "A creator", "direct", ref)
        self.city.send(connect, self.account_id)

    def plan(self, title: str = "五秒看懂") -> str:
        publication_id, now = str(uuid4()), utc_now()
        plan = PlanPublication(
            project_id="project",
            video_id=str(uuid4()),
            account_id=self.account_id,
            platform="bilibili",
            mode="direct",
            title=title,
            text="words",
            tags=("日常",),
            mp4_key=f"{self.prefix}/file.mp4",
            cover_key=f"{self.prefix}/cover.jpg",
            copy_id="copy",
            schedule=Schedule(now, now.strftime("%Y-%m-%dT%H:%M"), "UTC"),
            approval=Evidence("copy.approved", "e1", 3),
            material=Evidence("asset.transcoded", "e2", 5),
            moderation=JUDGED,
        )
        sent = self.city.send(plan, publication_id)
        assert self.city.decided(sent) == ("accepted", "")
        return publication_id

    def reaches(self, publication_id: str, status: str, limit_s: float = 60) -> None:
        asked = "SELECT 1 FROM read.publications WHERE id = %s AND status = %s"
        until(lambda: self.city.row(asked, publication_id, status), limit_s)

    def flow(self, publication_id: str) -> list[str]:
        row = self.city.row(FLOW, publication_id)
        return list(row[0] or []) if row else []

    def accepted(self) -> int:
        """What the platform itself counted."""
        found = httpx.get(f"{self.url}/sandbox/submissions").json()
        return int(found["total"])


@contextmanager
def stage(city: Site, folder: Path, *submits: Step) -> Iterator[Stage]:
    orders = Script(steps={"submit": submits}, webhook="none", delay=600.0)
    state = folder / "platform.json"
    stand_in = registry.sandbox("bilibili", SECRETS, "http://none/", state, orders)
    with serving(stand_in) as url:
        opened = Stage(city, url)
        opened.begin(folder)
        try:
            yield opened
        finally:
            city.stop(opened.worker)


def test_a_publication_is_submitted_once(city: Site, tmp_path: Path) -> None:
    with stage(city, tmp_path) as platform:
        publication_id = platform.plan()
        platform.reaches(publication_id, "submitted")

        assert platform.accepted() == 1
    assert platform.flow(publication_id) == [
        "planned",
        "scheduled",
        "due",
        "intended",
        "submitted",
    ]


def test_an_answer_lost_after_accepting_is_found_and_not_repeated(
    city: Site, tmp_path: Path
) -> None:
    with stage(city, tmp_path, LOST) as platform:
        publication_id = platform.plan()
        platform.reaches(publication_id, "submitted")

        assert platform.accepted() == 1
    assert platform.flow(publication_id)[-3:] == ["intended", "unknown", "submitted"]
    found = city.row(
        "SELECT item_id FROM read.publications WHERE id = %s", publication_id
    )
    assert found is not None
    assert found[0]


def test_a_submit_that_never_arrived_is_cleared_and_sent_once_more(
    city: Site, tmp_path: Path
) -> None:
    with stage(city, tmp_path, NEVER_ARRIVED) as platform:
        publication_id = platform.plan()
        platform.reaches(publication_id, "submitted")

        assert platform.accepted() == 1
    assert platform.flow(publication_id)[-5:] == [
        "intended",
        "unknown",
        "cleared",
        "intended",
        "submitted",
    ]


def test_a_worker_killed_in_the_middle_of_the_submit_leaves_one_item(
    city: Site, tmp_path: Path
) -> None:
    slow = Step("slow", seconds=2.0)
    with stage(city, tmp_path, slow) as platform:
        publication_id = platform.plan()
        platform.reaches(publication_id, "intended")
        city.kill(platform.worker)
        platform.start_worker()

        platform.reaches(publication_id, "submitted")
        assert platform.accepted() == 1
    assert "unknown" in platform.flow(publication_id)
