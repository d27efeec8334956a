"""Where a running stack is: one file that other commands on this machine read."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from infra.settings import Settings
from infra.stack import processes
from infra.stack.processes import Identity


def _path(data: Path) -> Path:
    return data / "run" / "stack.json"


def write(settings: Settings) -> None:
    """Addresses and secrets, for this user alone, with the process that holds them."""
    me = processes.identify(os.getpid())
    if me is None:
        return
    body = {
        "holder": {"pid": me.pid, "started": me.started, "boot": me.boot},
        "environment": settings.environment(),
    }
    path = _path(settings.data)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(body))
    draft.replace(path)


def write_targets(data: Path, addresses: Mapping[str, str]) -> None:
    """For Prometheus' `file_sd_configs`: whom to scrape, and which role that is."""
    found = [
        {"targets": [address], "labels": {"job": "contentops", "role": role}}
        for role, address in addresses.items()
    ]
    (data / "run" / "prometheus.json").write_text(json.dumps(found, indent=1))


def withdraw(data: Path) -> None:
    _path(data).unlink(missing_ok=True)


def attached(settings: Settings) -> Settings:
    """What the caller set wins; the rest is of the stack that runs on this data."""
    settings = settings.replace({"data": settings.data.absolute()})
    saved = _read(_path(settings.data))
    names = {f"CONTENTOPS_{name.upper()}": name for name in Settings.model_fields}
    found = {
        names[variable]: value for variable, value in saved.items() if variable in names
    }
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    return settings.replace({**found, **given})


def _read(path: Path) -> dict[str, str]:
    """A file whose writer is gone says nothing."""
    try:
        body = json.loads(path.read_text())
        holder = Identity(**body["holder"])
        environment: dict[str, str] = body["environment"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}
    return environment if processes.alive(holder) else {}
