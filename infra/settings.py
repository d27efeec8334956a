"""Every setting of an installation; the only place that reads the environment."""

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from psycopg.conninfo import make_conninfo
from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.cores import cores
from infra.problem import Stop

PREFIX = "CONTENTOPS_"
# A name, a model, and for an own server where it is.
_ENDPOINT = r"\w+=[^\s,@]+(@https?://[^\s,]+)?"
PostgresRole = Literal["api", "projector", "worker", "keys", "owner"]
ClickHouseUser = Literal["sink", "analyst", "admin"]


def default_data() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/contentops")
    return Path(".contentops").absolute()


def default_cache() -> Path:
    if os.geteuid() == 0:
        return Path("/var/cache/contentops")
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser() / "contentops"


def spare_slots() -> int:
    """Media jobs at once: each keeps about two cores busy, and eight are enough."""
    return max(1, min(8, cores() // 2))


def inherited() -> dict[str, str]:
    """The environment for a child, without any setting of ours."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(PREFIX)
    }


class Settings(BaseSettings):
    """One installation; roles get a copy with every address filled in."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True
    )

    data: Path = Field(default_factory=default_data)
    cache: Path = Field(default_factory=default_cache)
    stack: Literal["embedded", "containers"] = "embedded"
    ordinal: int = 0
    partitions: int = Field(default=4, ge=1)
    fault: str | None = None
    metrics_port: int | None = None
    otlp: str | None = None
    trace_ratio: float = Field(default=1.0, ge=0, le=1)
    ffmpeg: str | None = Field(
        default=None, validation_alias=AliasChoices("CONTENTOPS_FFMPEG", "FFMPEG")
    )

    kafka: str | None = None
    postgres: SecretStr | None = None
    clickhouse: str | None = None
    s3: str | None = None
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None
    s3_bucket: str = "contentops"
    s3_region: str = "us-east-1"
    s3_patience_s: float = Field(default=60, gt=0)
    search: Literal["postgres", "opensearch"] = "postgres"
    opensearch: str | None = None
    opensearch_user: str | None = None
    opensearch_password: SecretStr | None = None
    opensearch_ca: Path | None = None

    api_host: str = "127.0.0.1"
    api_port: int = 0
    public_url: str | None = None
    media_url: str | None = Field(default=None, pattern=r"^https?://\S+[^/\s]$")
    upload_open_s: int = Field(default=86_400, ge=60)
    api_append_s: float = Field(default=15, gt=0)
    api_in_flight_max: int = Field(default=512, ge=1)
    api_producer_max: int = Field(default=40_000, ge=2)
    api_undecided_max: int = Field(default=50_000, ge=1)
    api_lag_max_s: float = Field(default=10, gt=0)
    api_rate_max: int = Field(default=2_000, ge=1)
    api_streams_max: int = Field(default=4_000, ge=1)
    api_tenant_streams_max: int = Field(default=2_500, ge=1)
    api_ring_max: int = Field(default=10_000, ge=1)
    api_stall_s: float = Field(default=20, gt=0)
    api_key_s: float = Field(default=10, ge=0)
    master_key_file: Path | None = None
    audit: Path | None = None
    audit_every_s: float = 60

    pool_min: int = 5
    pool_max: int = 20
    pool_wait_s: float = 30
    pool_idle_s: float = 600
    pool_life_s: float = 1800

    ai_base_url: str | None = None
    ai_api_key: SecretStr | None = None
    ai_model: str | None = None
    ai_provider: str = "openai"
    ai_endpoints: str = Field(default="", pattern=rf"^({_ENDPOINT}(,\s*|$))*$")
    ai_endpoints_file: Path | None = None
    ai_bodies: Literal["none", "redacted", "raw"] = "redacted"
    ai_bodies_days: int = Field(default=30, ge=1)
    ai_prices: Path | None = None
    embed_texts: bool = False
    ai_billed: str = Field(default="", pattern=r"^(\w+=[A-Z]{3}(,|$))*$")

    services_loopback: bool = False

    speech_base_url: str | None = None
    speech_api_key: SecretStr | None = None
    speech_model: str | None = None
    speech_voice: str = "alloy"

    client_url: str | None = None
    client_key: SecretStr | None = None
    asr_base_url: str | None = None
    asr_api_key: SecretStr | None = None
    asr_model: str | None = None
    asr_provider: str = "openai"
    asr_gives: Literal["words", "segments", "text"] = "words"
    asr_bytes_max: int = Field(default=25_000_000, ge=100_000)

    bilibili_client_id: str | None = None
    bilibili_client_secret: SecretStr | None = None
    bilibili_base_url: str | None = None
    bilibili_upload_url: str | None = None
    douyin_client_key: str | None = None
    douyin_client_secret: SecretStr | None = None
    douyin_base_url: str | None = None

    call_before_s: float = 30
    request_limit_s: float = 10
    clock_slack_s: float = 2
    lease_s: float = 15
    heartbeat_s: float = 5
    ai_slots: int = Field(default=4, ge=1, le=256)
    media_slots: int = Field(default_factory=spare_slots, ge=1, le=256)
    media_threads: int | None = Field(default=None, ge=1, le=256)
    media_labels: str = ""
    media_piece_s: int = Field(default=60, ge=2)
    media_stall_s: float = Field(default=60, gt=0)
    publish_slots: int = Field(default=4, ge=1, le=256)
    missed_after_s: float = Field(default=3600, ge=1)
    direct_max: int = Field(default=50, ge=1)
    direct_per_tenant: int = Field(default=10, ge=1)

    @property
    def api_url(self) -> str:
        """The address people and platforms use; no slash at the end."""
        return (self.public_url or f"http://{self.api_host}:{self.api_port}").rstrip(
            "/"
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """What `CONTENTOPS_MEDIA_LABELS` says, parted by commas."""
        parts = (each.strip() for each in self.media_labels.split(","))
        return tuple(each for each in parts if each)

    @property
    def billed(self) -> dict[str, str]:
        """Currency by provider, as `CONTENTOPS_AI_BILLED=deepseek=USD` says."""
        return dict(each.split("=") for each in self.ai_billed.split(",") if each)

    @property
    def job_threads(self) -> int:
        """Of one media job, for decoding and filtering; encoders have their own."""
        return self.media_threads or max(1, cores() // self.media_slots)

    @property
    def workload(self) -> str:
        jobs = "1 job" if self.media_slots == 1 else f"{self.media_slots} jobs"
        threads = f"{self.job_threads} threads each, on {cores()} processors"
        return f"{jobs} at once with {threads}"

    @property
    def searches_elsewhere(self) -> bool:
        """Whether OpenSearch answers searches: an own one, or one that is given."""
        return self.search == "opensearch" or self.opensearch is not None

    @property
    def audit_folder(self) -> Path:
        """The auditor's files; best on a disk the broker cannot write to."""
        return self.audit or self.data / "audit"

    def audit_seed(self) -> bytes:
        """The private key that signs checkpoints; it follows from the master key."""
        return bytes.fromhex(self.secret_for("audit:ed25519"))

    @property
    def key_file(self) -> Path:
        return self.master_key_file or self.data / "keys" / "master.key"

    def need(self, name: str) -> str:
        """The value of an optional setting, or a sentence that names the variable."""
        value = getattr(self, name)
        if value is None:
            raise Stop(
                f"{PREFIX}{name.upper()} is not set: run `contentops up` on this "
                f"machine with the same data directory ({self.data}), or set it."
            )
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    def master_key(self) -> bytes:
        """32 bytes; drawn once for an installation and never replaced."""
        try:
            key = self.key_file.read_bytes()
        except FileNotFoundError:
            key = _draw_key(self.key_file)
        if len(key) != 32:
            raise Stop(f"{self.key_file} is not a 32-byte key: restore it from backup.")
        return key

    def secret_for(self, purpose: str) -> str:
        """A password that follows from the master key, so nothing stores it."""
        mac = hmac.new(self.master_key(), purpose.encode(), hashlib.sha256)
        return mac.hexdigest()

    def dsn(self, role: PostgresRole, database: str = "contentops") -> str:
        """Connection string of one Postgres role; `owner` is the given admin."""
        admin = self.need("postgres")
        if role == "owner":
            return make_conninfo(admin, dbname=database)
        return make_conninfo(
            admin,
            user=f"contentops_{role}",
            password=self.secret_for(f"postgres:{role}"),
            dbname=database,
        )

    def clickhouse_password(self, user: ClickHouseUser) -> str:
        return self.secret_for(f"clickhouse:{user}")

    def environment(self) -> dict[str, str]:
        """The variables that give a child process exactly these settings."""
        return {
            f"{PREFIX}{name.upper()}": value.get_secret_value()
            if isinstance(value, SecretStr)
            else str(value)
            for name, value in self
            if value is not None
        }

    def replace(self, changes: Mapping[str, object]) -> "Settings":
        """A copy; what nobody set stays unset, so a running stack may still fill it."""
        kept = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate({**kept, **changes})


def _draw_key(path: Path) -> bytes:
    """Two processes may draw at once: the first link wins, both read the same."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    return path.read_bytes()
