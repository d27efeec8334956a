"""The demo's client against a server that restarts, lags and refuses."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.demo.client import Client
from infra.problem import Stop

Answer = tuple[int, dict[str, object]] | None
Seen = list[tuple[str, str, str]]


@contextmanager
def served(answers: list[Answer]) -> Iterator[tuple[str, Seen]]:
    """Gives these answers in turn; None hangs up without one."""
    seen: Seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self._answer()

        def _answer(self) -> None:
            key = self.headers.get("idempotency-key", "")
            seen.append((self.command, self.path, key))
            answer = answers.pop(0)
            if answer is None:
                self.close_connection = True
                return
            body = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()


def asked(answers: list[Answer], ask: Callable[[Client], object]) -> Seen:
    with served(answers) as (base, seen):
        client = Client(base, "key")
        try:
            ask(client)
        finally:
            client.close()
    return seen


def test_a_lost_answer_is_asked_again_with_the_same_key() -> None:
    seen = asked(
        [(503, {}), None, (201, {"id": "p"})],
        lambda client: client.post("/projects", {"name": "x"}),
    )

    assert len(seen) == 3
    assert len({key for _, _, key in seen}) == 1
    assert seen[0][2]


def test_a_wish_on_the_log_is_followed_to_its_decision() -> None:
    accepted = {"id": "p", "operationId": "o", "status": "pending"}
    seen = asked(
        [(202, accepted), (404, {}), (200, {"status": "accepted"})],
        lambda client: client.post("/projects", {"name": "x"}),
    )

    assert [path for _, path, _ in seen][1:] == ["/api/v1/operations/o"] * 2


def test_a_wish_that_was_refused_later_ends_the_demo() -> None:
    refused = {"status": "rejected", "problem": {"detail": "no such thing"}}
    with pytest.raises(Stop, match="no such thing"):
        asked(
            [(202, {"operationId": "o"}), (200, refused)],
            lambda client: client.post("/projects", {"name": "x"}),
        )


def test_a_problem_is_told_in_one_sentence() -> None:
    with pytest.raises(Stop, match=r"POST /projects answered 422: .*too long"):
        asked(
            [(422, {"detail": "too long"})],
            lambda client: client.post("/projects", {"name": "x"}),
        )


def test_a_failed_resource_ends_the_waiting_with_its_reason() -> None:
    failed: Answer = (200, {"status": "refused", "problem": {"reason": "no video"}})
    with pytest.raises(Stop, match=r"refused: .*no video"):
        asked(
            [(200, {"status": "uploaded"}), failed],
            lambda client: client.until("/assets/1", "ready", say=lambda _: None),
        )


def test_a_resource_that_was_only_named_so_far_is_waited_for() -> None:
    seen = asked(
        [(404, {"detail": "no such asset"}), (200, {"status": "ready"})],
        lambda client: client.until("/assets/1", "ready", say=lambda _: None),
    )

    assert len(seen) == 2


def test_a_resource_that_never_comes_is_named_with_the_time_waited() -> None:
    with pytest.raises(Stop, match="did not become ready in 0 s"):
        asked(
            [(404, {})] * 20,
            lambda client: client.until(
                "/assets/1", "ready", say=lambda _: None, limit_s=0.1
            ),
        )
