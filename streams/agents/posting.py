"""What a publication job needs at hand: its row, the account, the files."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from connectors.base import Account, Post
from streams.agents import scratch
from streams.agents.work import Impossible, TryLater

VIDEO_URL_S = 3600


@dataclass(frozen=True, slots=True)
class PublicationRow:
    """A publication as the read model shows it, perhaps a moment ago."""

    id: str
    status: str
    platform: str
    account_id: str
    title: str
    text: str
    tags: Sequence[str]
    mp4_key: str
    cover_key: str
    item_id: str = ""
    intent_token: str = ""
    intended_at: datetime | None = None
    call_before: datetime | None = None
    settle_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountRow:
    id: str
    open_id: str
    secret_ref: str


class Rows(Protocol):
    """The only reading a worker does; rows may be behind the log."""

    async def publication(self, tenant: str, id_: str) -> PublicationRow | None: ...

    async def account(self, tenant: str, id_: str) -> AccountRow | None: ...


class Secrets(Protocol):
    """Credentials, opened: names and values as connectors want them."""

    async def get_secret(self, tenant: str, ref: str) -> Mapping[str, str]: ...


class Objects(Protocol):
    async def download(self, key: str, path: Path) -> None: ...

    async def put_json(self, key: str, value: object) -> None: ...

    async def presign_get(
        self, key: str, *, expires: int, content_type: str
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a publication is made of; `scratch` holds files of running jobs."""

    rows: Rows
    secrets: Secrets = field(repr=False)
    objects: Objects
    scratch: Path

    async def publication(self, tenant: str, publication_id: str) -> PublicationRow:
        row = await self.rows.publication(tenant, publication_id)
        if row is None:
            raise TryLater("row_missing", "the publication is not readable yet")
        return row

    async def account(self, tenant: str, account_id: str) -> Account:
        row = await self.rows.account(tenant, account_id)
        if row is None:
            raise Impossible("account_missing", f"there is no account {account_id}")
        credential = await self.secrets.get_secret(tenant, row.secret_ref)
        return Account(row.id, row.open_id, credential)

    @asynccontextmanager
    async def post(self, row: PublicationRow) -> AsyncIterator[Post]:
        """With the files on disk for as long as the block lasts."""
        with scratch.folder(self.scratch) as folder:
            video = folder / Path(row.mp4_key).name
            await self.objects.download(row.mp4_key, video)
            cover = None
            if row.cover_key:
                cover = Path(folder) / Path(row.cover_key).name
                await self.objects.download(row.cover_key, cover)
            url = await self.objects.presign_get(
                row.mp4_key, expires=VIDEO_URL_S, content_type="video/mp4"
            )
            yield words(row, video=video, cover=cover, video_url=url)


def words(
    row: PublicationRow,
    *,
    video: Path = Path(),
    cover: Path | None = None,
    video_url: str = "",
) -> Post:
    """Without files it serves to search for the item, not to make one."""
    return Post(
        title=row.title,
        text=row.text,
        tags=tuple(row.tags),
        video=video,
        video_url=video_url,
        cover=cover,
        category=None,
        marker=row.id,
    )
