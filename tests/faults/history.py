"""A random history: what people, visitors and platforms ask, repeated until answered.

Every choice comes from one seed. Nothing here knows of faults: a client whose answer
was lost asks again with the same key, as the contract allows.
"""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import httpx

from infra import keys
from infra.demo import clip
from infra.settings import Settings
from schemas.ids import command_id, derived
from tests.faults.oracle import Told

Body: TypeAlias = dict[str, object]
Answer: TypeAlias = dict[str, object]

LONG_S = 90.0
PAUSE_S = 0.15
THREADS = 3


class Client:
    """One tenant's key, and the ledger of what it was told."""

    def __init__(self, settings: Settings, tenant: str) -> None:
        self.settings = settings
        self.tenant = tenant
        self._user = derived("user", tenant, "admin")
        self._http = httpx.Client(
            base_url=f"{settings.api_url}/api/v1",
            headers={
                "Authorization": f"Bearer {keys.create(settings, tenant, 'admin')}"
            },
            timeout=20,
            trust_env=False,
        )
        self.told: list[Told] = []
        self.ended = threading.Event()

    def post(self, path: str, body: Body, key: str = "", wait: int = 0) -> Answer:
        """The answer, or nothing where it was refused; the ledger has both."""
        key = key or str(uuid4())
        more = {"Prefer": f"wait={wait}"} if wait else {}
        answer = self._until_answered(path, body, {"Idempotency-Key": key, **more})
        if answer is None or answer.status_code >= 300:
            return {}
        told: Answer = answer.json()
        self._note(path, key, told)
        return told

    def _note(self, path: str, key: str, told: Answer) -> None:
        """Numbers typed in by a person are an observation: nothing decides them."""
        if path.endswith("/metrics"):
            return
        id_ = told.get("operationId") or command_id(self.tenant, self._user, key)
        known = "accepted" if told.get("status") == "accepted" else "acknowledged"
        self.told.append(Told(str(id_), known))

    def _until_answered(
        self, path: str, body: Body, headers: dict[str, str]
    ) -> httpx.Response | None:
        for _ in range(int(LONG_S / PAUSE_S)):
            try:
                answer = self._http.post(path, json=body, headers=headers)
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
            except httpx.TransportError:
                pass
            if self.ended.wait(PAUSE_S):
                return None
        raise AssertionError(f"{path}: no answer in {LONG_S:.0f} s")

    def get(self, path: str) -> Answer:
        try:
            answer = self._http.get(path)
        except httpx.TransportError:
            return {}
        found: Answer = answer.json() if answer.status_code == 200 else {}
        return found

    def close(self) -> None:
        self.ended.set()
        self._http.close()


class Material:
    """What a tenant needs before it can publish: a video and approved words."""

    def __init__(self, client: Client, look: Callable[[str, str], Answer]) -> None:
        self.client = client
        made = client.post("/projects", {"name": "faults"}, wait=10)
        self.project = str(made["id"])
        self._look = look
        self.video = ""
        self.copies: dict[str, str] = {}

    def film(self, path: Path) -> None:
        """Through the real upload and the real transcoder, once."""
        found = clip.find(path, path.parent)
        wish: Body = {
            "filename": "clip.mp4",
            "contentType": "video/mp4",
            "size": found.size,
            "projectId": self.project,
        }
        made = self.client.post("/assets/presign", wish, wait=10)
        upload = made["upload"]
        assert isinstance(upload, dict), made
        sent = httpx.put(
            upload["url"], content=path.read_bytes(), headers=upload["headers"]
        )
        assert sent.status_code == 200, sent.text
        self.client.post(f"/assets/{made['id']}/complete", {}, wait=10)
        self._look(f"/assets/{made['id']}", "ready")
        order: Body = {
            "type": "transcode",
            "assetId": made["id"],
            "profiles": ["480p"],
        }
        self.video = str(self.client.post("/media/jobs", order)["videoId"])
        self._look(f"/videos/{self.video}", "ready")

    def words(self) -> None:
        for platform in ("bilibili", "douyin"):
            wish: Body = {
                "task": "copy",
                "platform": platform,
                "brief": "夜骑灯",
                "videoId": self.video,
            }
            self.copies[platform] = str(self.client.post("/copies", wish)["id"])
        for copy in self.copies.values():
            self._look(f"/copies/{copy}", "generated")
            self.client.post(f"/copies/{copy}/approve", {}, wait=10)


class Traffic:
    """Threads that ask at random, at a modest rate, until held or closed."""

    def __init__(
        self, settings: Settings, materials: list[Material], seed: str
    ) -> None:
        self._settings = settings
        self._materials = materials
        self._seed = seed
        self._going = threading.Event()
        self._closed = threading.Event()
        self._busy = [threading.Event() for _ in range(THREADS)]
        self._threads: list[threading.Thread] = []
        self.failed: list[BaseException] = []

    def begin(self) -> None:
        for number in range(THREADS):
            thread = threading.Thread(target=self._run, args=(number,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def go(self) -> None:
        self._going.set()

    def hold(self) -> None:
        """No new wish from now on; returns when none is under way."""
        self._going.clear()
        for busy in self._busy:
            while busy.is_set():
                self._closed.wait(0.02)
        if self.failed:
            raise self.failed[0]

    def close(self) -> None:
        self._closed.set()
        self._going.set()
        for each in self._materials:
            each.client.ended.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, number: int) -> None:
        chance = random.Random(f"{self._seed}/{number}")
        actors = [Actor(each, self._settings, chance) for each in self._materials]
        while not self._closed.is_set():
            self._going.wait()
            if self._closed.is_set():
                return
            self._busy[number].set()
            try:
                chance.choice(actors).act()
            except Exception as wrong:  # noqa: BLE001  told by the next `hold`
                if not self._closed.is_set():
                    self.failed.append(wrong)
            finally:
                self._busy[number].clear()
            self._closed.wait(chance.uniform(0, 2 * PAUSE_S))


class Actor:
    """One tenant as one thread plays it."""

    def __init__(
        self, material: Material, settings: Settings, chance: random.Random
    ) -> None:
        self._of = material
        self._client = material.client
        self._stages = {
            "bilibili": settings.need("bilibili_base_url"),
            "douyin": settings.need("douyin_base_url"),
        }
        self._chance = chance
        self._copies: list[str] = []
        self._publications: list[str] = []
        self._pages: list[str] = []
        self._last: tuple[str, Body, str] = ("/projects", {"name": "x"}, str(uuid4()))

    def act(self) -> None:
        moves: dict[Callable[[], None], int] = {
            self._project: 4,
            self._copy: 5,
            self._approve: 2,
            self._publish: 4,
            self._confirm: 2,
            self._page: 2,
            self._lead: 2,
            self._count: 2,
            self._again: 2,
        }
        move = self._chance.choices(list(moves), list(moves.values()))[0]
        move()

    def _ask(self, path: str, body: Body, wait: int = 0) -> str:
        """The id of what was made, or nothing."""
        key = str(self._chance.getrandbits(64))
        self._last = (path, body, key)
        return str(self._client.post(path, body, key, wait).get("id", ""))

    def _again(self) -> None:
        """A client that does not know of its first answer."""
        path, body, key = self._last
        self._client.post(path, body, key)

    def _project(self) -> None:
        self._ask("/projects", {"name": f"project {self._chance.random()}"})

    def _copy(self) -> None:
        wish: Body = {
            "task": "title",
            "platform": "bilibili",
            "brief": "夜骑灯",
            "projectId": self._of.project,
        }
        self._copies.append(self._ask("/copies", wish))

    def _approve(self) -> None:
        if copy := self._one(self._copies):
            self._client.post(f"/copies/{copy}/approve", {})

    def _publish(self) -> None:
        """Each on an account of its own: the same video goes to one only once."""
        platform = self._chance.choice(["bilibili", "bilibili", "douyin"])
        account = self._account(platform)
        title = f"{self._client.tenant} {self._chance.getrandbits(48)}"
        wish: Body = {
            "videoId": self._of.video,
            "platform": platform,
            "accountId": account,
            "copyId": self._of.copies[platform],
            "title": title,
            "tags": ["夜骑"],
        }
        if self._chance.random() < 0.5:
            ahead = timedelta(seconds=self._chance.uniform(0.5, 2))
            later = datetime.now(UTC) + ahead
            wish["scheduleAt"] = later.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self._publications.append(self._ask("/publish", wish))

    def _account(self, platform: str) -> str:
        stage = self._stages[platform]
        opened = httpx.post(f"{stage}/sandbox/accounts", json={}, timeout=10).json()
        wish: Body = {
            "platform": platform,
            "openId": opened["openId"],
            "credential": {
                "access_token": opened["accessToken"],
                "refresh_token": opened["refreshToken"],
            },
        }
        return self._ask("/accounts", wish, wait=5)

    def _confirm(self) -> None:
        """A person posts what was handed off; the platform tells us by webhook."""
        if not (one := self._one(self._publications)):
            return
        pack = self._client.get(f"/publications/{one}").get("handOff")
        if isinstance(pack, dict) and pack.get("link"):
            stage = self._stages["douyin"]
            link = {"link": pack["link"]}
            httpx.post(f"{stage}/sandbox/person/confirm", json=link, timeout=10)
            self._publications.remove(one)

    def _page(self) -> None:
        if one := self._one(self._publications):
            made = self._ask("/landing-pages", {"publicationId": one}, wait=5)
            found = self._client.get(f"/landing-pages/{made}") if made else {}
            self._pages.append(str(found.get("code", "")))

    def _lead(self) -> None:
        if code := self._one(self._pages):
            form: Body = {
                "fields": {"name": "林晓", "phone": "13800138000"},
                "consent": True,
                "nonce": str(self._chance.getrandbits(64)),
            }
            self._client.post(f"/leads/forms/{code}", form)

    def _count(self) -> None:
        if one := self._one(self._publications):
            seen: Body = {
                name: self._chance.randrange(1000)
                for name in ("views", "likes", "comments", "shares")
            }
            self._client.post(f"/publications/{one}/metrics", seen)

    def _one(self, known: list[str]) -> str:
        there = [each for each in known if each]
        return self._chance.choice(there) if there else ""
