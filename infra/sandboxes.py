"""`contentops sandbox`: a scripted stand-in for one platform on this machine."""

import socket
from pathlib import Path
from sys import stderr

from msgspec import MsgspecError

from connectors import registry, sandboxes
from connectors.errors import ConnectorError, UnknownPlatform
from connectors.stage import Script, read_script
from infra.problem import Stop
from infra.settings import Settings
from infra.wiring import app_secrets


def run(settings: Settings, platform: str, *, script: Path | None, port: int) -> None:
    """Serves until a signal; its counts are kept in a file below the data folder."""
    try:
        secrets = app_secrets(settings, platform)
        app = registry.sandbox(
            platform,
            secrets,
            f"{settings.api_url}/webhooks/{platform}",
            _state_file(settings, platform),
            _script(script),
        )
    except (UnknownPlatform, ConnectorError, ValueError) as wrong:
        raise Stop(f"{wrong}.") from None
    port = port or _free_port()
    stderr.write(f"{platform}: sandbox on http://127.0.0.1:{port}\n")
    sandboxes.serve(app, port)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _state_file(settings: Settings, platform: str) -> Path:
    folder = settings.data / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{platform}.json"


def _script(path: Path | None) -> Script:
    if path is None:
        return Script()
    try:
        return read_script(path.read_bytes())
    except (OSError, MsgspecError) as wrong:
        raise Stop(f"--script {path}: {wrong}.") from None
