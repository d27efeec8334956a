"""Stand-ins for platforms whose app credentials nobody has set."""

import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from infra.settings import Settings, inherited
from infra.stack.children import Program
from infra.stack.servers import Running
from infra.stack.waiting import accepts, until

# Which settings are the app's identity and its secret at each platform.
CREDENTIALS = {
    "bilibili": ("bilibili_client_id", "bilibili_client_secret"),
    "douyin": ("douyin_client_key", "douyin_client_secret"),
}
ROOT = Path(__file__).parents[2]


async def start(
    running: Running, say: Callable[[str], None], *, wanted: bool | None
) -> Settings:
    """`wanted` None: where no credentials are given. Returns the completed settings."""
    settings = running.settings
    chosen = [name for name in CREDENTIALS if _needed(settings, name, wanted=wanted)]
    for name in chosen:
        settings = settings.replace(_changes(settings, name, running.ports[name]))
    for name in chosen:
        await _start_one(running, settings, name)
        say(
            f"{name}: no app credentials are set, so a sandbox on 127.0.0.1:"
            f"{running.ports[name]} stands in; nothing leaves this machine"
        )
    return settings


def _needed(settings: Settings, name: str, *, wanted: bool | None) -> bool:
    if wanted is not None:
        return wanted
    return any(getattr(settings, field) is None for field in CREDENTIALS[name])


def _changes(settings: Settings, name: str, port: int) -> dict[str, object]:
    identity, secret = CREDENTIALS[name]
    kept = _kept(settings.data / "keys" / f"sandbox-{name}.json")
    base = f"http://127.0.0.1:{port}"
    changes: dict[str, object] = {identity: kept["id"], secret: kept["secret"]}
    changes[f"{name}_base_url"] = base
    if name == "bilibili":
        changes["bilibili_upload_url"] = base
    return changes


def _kept(path: Path) -> dict[str, str]:
    """Drawn once, so accounts connected before a restart stay valid."""
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        drawn = {
            "id": f"sandbox{secrets.token_hex(6)}",
            "secret": secrets.token_hex(16),
        }
        draft.write_text(json.dumps(drawn))
        draft.replace(path)
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


async def _start_one(running: Running, settings: Settings, name: str) -> None:
    port = running.ports[name]
    command = [sys.executable, "-m", "infra.cli", "sandbox", name, "--port", str(port)]
    child = running.children.spawn(
        Program(
            name=f"sandbox-{name}",
            command=command,
            env={**inherited(), **settings.environment()},
            cwd=ROOT,
            patience_s=5,
        )
    )
    await until(child, lambda: accepts(port), limit_s=30)
