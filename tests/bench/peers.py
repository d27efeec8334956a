"""Other people's tools, each in a virtual environment of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

QUIX = ("quixstreams==3.28.1", "psycopg2-binary==2.9.11")
LITELLM = ("litellm==1.106.2",)


def environment(cache: Path, name: str, packages: Sequence[str]) -> Path:
    """The Python of that environment; made once, then kept in the cache."""
    folder = cache / "peers" / name
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "-q", "--clear", str(folder)], check=True)
        install = [uv, "pip", "install", "-q", "--python", str(python), *packages]
        subprocess.run(install, check=True)
        (folder / "ready").touch()
    return python


def quix(
    python: Path,
    bootstrap: str,
    topic: str,
    dsn: str,
    into: tuple[str, str],
    total: int,
) -> dict[str, float]:
    """Rows per second and processor microseconds per event of its PostgreSQL sink."""
    place = conninfo_to_dict(dsn)
    with psycopg.connect(dsn) as connection:
        host, port = connection.info.host, str(connection.info.port)
    script = str(Path(__file__).with_name("quix_sink.py"))
    user = [str(place[name]) for name in ("dbname", "user")]
    secret = str(place.get("password", ""))
    done = subprocess.run(
        [
            *(str(python), script, bootstrap, topic, host, port),
            *(*user, secret, *into, str(total)),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    if found["rows"] < total * 0.99:
        raise RuntimeError(f"the peer wrote {found['rows']} of {total} rows")
    return {
        "rows_per_s": round(found["rows"] / found["seconds"]),
        "cpu_us_per_event": round(1e6 * found["cpu_s"] / found["rows"], 2),
    }
