"""What an outside client has: an address, a key, HTTP, and news over SSE."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias
from uuid import uuid4

import httpx

from infra.problem import Stop

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Thing: TypeAlias = dict[str, Json]
News: TypeAlias = Callable[[str], None]

LIMIT_S = 60.0
LOOK_S = 0.5
PAUSE_S = 0.2
ACCEPTED, MISSING, UNAVAILABLE = 202, 404, 503
NOTHING: Mapping[str, str] = MappingProxyType({})
FAILED = {"failed", "refused", "rejected", "cancelled", "lost"}


class Client:
    """Every refusal ends the demo with the sentence the API gave."""

    def __init__(self, base: str, key: str) -> None:
        self.base = base
        self._http = httpx.Client(
            base_url=base,
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )
        self._news = threading.Event()
        self._open = True
        self._position = ""

    def close(self) -> None:
        self._open = False
        self._http.close()

    def post(self, path: str, body: Thing | None, *, wait: int = 5) -> Thing:
        """The resource itself where `wait` seconds were enough, else its receipt.

        Returns only when the wish was decided and its rows can be read.
        """
        return self._write("POST", path, body, wait=wait)

    def put(self, path: str, body: Thing | bytes, etag: str = "") -> Thing:
        """As `post`; with `etag` only if nobody else wrote since that was read."""
        headers = {"If-Match": etag} if etag else {}
        return self._write("PUT", path, body, headers)

    def _write(
        self,
        method: str,
        path: str,
        body: Thing | bytes | None,
        headers: Mapping[str, str] = NOTHING,
        *,
        wait: int = 5,
    ) -> Thing:
        headers = {"Idempotency-Key": str(uuid4()), **headers}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        answer = self._ask(method, path, body, headers)
        self._position = answer.headers.get("position", self._position)
        found = _thing(answer)
        if answer.status_code == ACCEPTED:
            self._decided(str(found["operationId"]))
        return found

    def _decided(self, operation: str) -> None:
        """404 means not yet: the command is on the log and waits for its decider."""
        path = f"/api/v1/operations/{operation}"
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            answer = self._ask("GET", path)
            if answer.status_code != MISSING:
                found = _thing(answer)
                if found["status"] == "rejected":
                    raise Stop(f"{path} was rejected: {_why(found)}")
                return
            self._news.wait(LOOK_S)
        raise Stop(f"{path} was not decided in {LIMIT_S:.0f} s.")

    def get(self, path: str, **query: str) -> Thing:
        return _thing(self._ask("GET", path, query=query))

    def text(self, path: str) -> str:
        return _good(self._ask("GET", path)).text

    def _ask(
        self,
        method: str,
        path: str,
        body: Thing | bytes | None = None,
        headers: Mapping[str, str] = NOTHING,
        query: Mapping[str, str] = NOTHING,
    ) -> httpx.Response:
        """Goes on where the server restarts or lags: the same key is always safe.

        Reads its own writes, because the last position goes along.
        """
        place = {"Position": self._position} if self._position else {}
        end = time.monotonic() + LIMIT_S
        while True:
            try:
                answer = self._http.request(
                    method,
                    path,
                    json=body if isinstance(body, dict) else None,
                    content=body if isinstance(body, bytes) else None,
                    headers={**place, **headers},
                    params=dict(query),
                )
                if answer.status_code != UNAVAILABLE or time.monotonic() > end:
                    return answer
            except httpx.TransportError as lost:
                if time.monotonic() > end:
                    raise Stop(f"{method} {path}: no answer ({lost}).") from lost
            time.sleep(PAUSE_S)

    def put_file(self, upload: Thing, path: Path) -> list[Json]:
        """Sends the body where the API said; the parts' tags if it asked for parts."""
        if upload.get("url"):
            headers = as_text(upload["headers"])
            _send(str(upload["url"]), path.read_bytes(), headers)
            return []
        size = number(upload["partSize"])
        with path.open("rb") as file:
            return [
                {
                    "number": part["number"],
                    "etag": _send(str(part["url"]), file.read(size), {}),
                }
                for part in things(upload["parts"])
            ]

    def until(
        self, path: str, status: str, *, say: News = print, limit_s: float = LIMIT_S
    ) -> Thing:
        """Look again after each piece of news until the resource has that status.

        404 is one more thing to wait out: what one resource names another may not
        show yet, because each has a projection of its own.
        """
        end, now = time.monotonic() + limit_s, "not there"
        while time.monotonic() < end:
            self._news.clear()
            answer = self._ask("GET", path)
            if answer.status_code != MISSING:
                found = _thing(answer)
                now = str(found.get("status"))
                say(now)
                if now == status:
                    return found
                if now in FAILED:
                    raise Stop(f"{path} is {now}: {_why(found)}")
            self._news.wait(LOOK_S)
        raise Stop(f"{path} did not become {status} in {limit_s:.0f} s (is {now}).")

    def until_some(
        self, look: Callable[[], list[Thing]], what: str, limit_s: float = LIMIT_S
    ) -> list[Thing]:
        """Look again after each piece of news until there is something."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            self._news.clear()
            found = look()
            if found:
                return found
            self._news.wait(LOOK_S)
        raise Stop(f"{what} did not appear in {limit_s:.0f} s.")

    def listen(self, tell: News) -> None:
        """Follow the pushes in a thread until `close`; they only save waiting."""
        threading.Thread(
            target=self._follow, args=(tell,), name="news", daemon=True
        ).start()

    def _follow(self, tell: News) -> None:
        last = ""
        while self._open:
            try:
                headers = {"Last-Event-ID": last} if last else {}
                last = self._stream(headers, tell) or last
            except httpx.HTTPError:
                self._news.wait(LOOK_S)

    def _stream(self, headers: Mapping[str, str], tell: News) -> str:
        last = ""
        path = "/api/v1/events/stream"
        with self._http.stream("GET", path, headers=headers, timeout=None) as answer:
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    last = value
                elif name == "data":
                    self._news.set()
                    tell(value)
        return last


def _send(url: str, body: bytes, headers: Mapping[str, str]) -> str:
    """A signed address carries its own permission; our key does not go there."""
    answer = httpx.put(
        url, content=body, headers=dict(headers), timeout=120, trust_env=False
    )
    return str(_good(answer).headers.get("etag", "")).strip('"')


def stranger(method: str, url: str, body: Thing, *, repeatable: bool = False) -> Thing:
    """A request of somebody who has no key here: a platform, a person, a visitor."""
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            answer = httpx.request(method, url, json=body, timeout=30, trust_env=False)
            if answer.status_code != UNAVAILABLE or not repeatable:
                return _thing(answer)
        except httpx.TransportError as lost:
            if not repeatable or time.monotonic() > end:
                raise Stop(f"{method} {url}: no answer ({lost}).") from lost
        time.sleep(PAUSE_S)


def _good(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    asked = f"{answer.request.method} {answer.request.url.path}"
    raise Stop(f"{asked} answered {answer.status_code}: {answer.text[:400]}")


def _thing(answer: httpx.Response) -> Thing:
    found = json.loads(_good(answer).content or b"{}")
    return found if isinstance(found, dict) else {"items": found}


def _why(found: Thing) -> str:
    return json.dumps(found.get("problem"), ensure_ascii=False)


def things(value: Json) -> list[Thing]:
    """The objects of a list, nothing for anything else."""
    items = value if isinstance(value, list) else []
    return [each for each in items if isinstance(each, dict)]


def as_text(value: Json) -> dict[str, str]:
    return {k: str(v) for k, v in value.items()} if isinstance(value, dict) else {}


def number(value: Json) -> int:
    return int(value) if isinstance(value, int | float | str) else 0
