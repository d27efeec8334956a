"""The object store: one S3 code path for the embedded server and any other.

Objects are immutable: writing a key twice is a no-op when the bytes are as many,
and `ObjectDiffers` when they are not. Nothing here knows what the objects mean.
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import quote

import msgspec

from media_agents.errors import ObjectDiffers, ObjectMissing, TryLater
from media_agents.parts import Sums
from media_agents.s3 import (
    PATIENCE_S,
    connect,
    end_uploads,
    let_read,
    named_failures,
    send_parts,
    send_whole,
)
from media_agents.serving import SHOWN, UNKNOWN, cache_control

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")

MULTIPART_ABOVE = 64 << 20
_BLOCK = 1 << 20
_MAX_NAME_BYTES = 120


@dataclass(frozen=True, slots=True)
class SignedPut:
    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """`sha256` is hex and None when the store does not keep one of the whole.

    `summed`: the ETag follows from the bytes; under a key of the store it does not.
    """

    size: int
    etag: str
    content_type: str
    sha256: str | None
    summed: bool = True


@dataclass(frozen=True, slots=True)
class SentPart:
    number: int
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    etag: str


def object_key(tenant: str, kind: str, object_id: str, name: str) -> str:
    return f"{tenant}/{kind}/{object_id}/{safe_name(name)}"


def safe_name(name: str) -> str:
    """What is left of a user's file name: no path, no dots in front, short."""
    last = re.split(r"[/\\]", name)[-1]
    kept = re.sub(r"[^\w.-]+", "_", last).lstrip("._-")
    stem, dot, suffix = kept.rpartition(".")
    short = kept.encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
    if short != kept and dot and len(suffix) <= 8:
        room = _MAX_NAME_BYTES - len(suffix.encode()) - 1
        short = stem.encode()[:room].decode(errors="ignore") + dot + suffix
    return short or "file"


def own_prefix(tenant: str, key: str) -> bool:
    """True only for a plain key below the tenant's own prefix."""
    parts = key.split("/")
    plain = all(part not in {"", ".", ".."} for part in parts)
    return bool(tenant) and plain and len(parts) > 1 and parts[0] == tenant


class Storage:
    """Safe to share between tasks; every call runs in a thread."""

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        region: str = "us-east-1",
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """A store that says nothing for `patience_s` is away."""
        self._endpoint = endpoint
        self._keys = (access_key, secret_key)
        self._bucket = bucket
        self._region = region
        self._patience_s = patience_s
        self._made: S3Client | None = None
        self._lock = Lock()

    async def ensure_bucket(self, cors_origins: Sequence[str]) -> None:
        def work(client: "S3Client") -> None:
            names = [b.get("Name") for b in client.list_buckets()["Buckets"]]
            # Creating it again is an error on some servers and a no-op on others.
            if self._bucket not in names:
                client.create_bucket(Bucket=self._bucket)
            let_read(client, self._bucket, cors_origins)

        await self._run(work)

    async def presign_put(
        self,
        key: str,
        content_type: str,
        *,
        sha256: str | None,
        size: int,
        expires: int,
    ) -> SignedPut:
        """The client must send exactly these headers with exactly `size` bytes."""
        headers = {"Content-Type": content_type, "Content-Length": str(size)}
        asked: dict[str, str | int] = {
            "ContentType": content_type,
            "ContentLength": size,
        }
        if sha256:
            digest = base64.b64encode(bytes.fromhex(sha256)).decode()
            asked["ChecksumSHA256"] = headers["x-amz-checksum-sha256"] = digest
        else:
            # Bytes that are not pinned by a hash may be written only once.
            asked["IfNoneMatch"] = headers["If-None-Match"] = "*"
        return SignedPut(await self._sign("put_object", key, asked, expires), headers)

    async def presign_get(
        self, key: str, *, expires: int, content_type: str, filename: str | None = None
    ) -> str:
        """With a file name the browser saves it, without one it shows it.

        What is no picture, film, sound or plain text is only ever saved, as bytes.
        """
        shown = content_type in SHOWN
        asked: dict[str, str | int] = {
            "ResponseContentType": content_type if shown else UNKNOWN,
            "ResponseCacheControl": f"private, max-age={expires}",
        }
        if filename or not shown:
            quoted = quote(safe_name(filename or key))
            asked["ResponseContentDisposition"] = (
                f"attachment; filename*=UTF-8''{quoted}"
            )
        return await self._sign("get_object", key, asked, expires)

    async def create_multipart(self, key: str, content_type: str) -> str:
        def work(client: "S3Client") -> str:
            made = client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType=content_type
            )
            return made["UploadId"]

        return await self._run(work)

    async def presign_part(
        self, key: str, upload_id: str, number: int, *, expires: int
    ) -> str:
        asked: dict[str, str | int] = {"UploadId": upload_id, "PartNumber": number}
        return await self._sign("upload_part", key, asked, expires)

    async def complete_multipart(
        self, key: str, upload_id: str, parts: Sequence[Part]
    ) -> None:
        """Completing twice is a no-op once the object is there."""

        def work(client: "S3Client") -> None:
            ordered = sorted(parts, key=lambda p: p.number)
            client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={
                    "Parts": [{"PartNumber": p.number, "ETag": p.etag} for p in ordered]
                },
            )

        try:
            await self._run(work)
        except ObjectMissing:
            if await self.head(key) is None:
                raise

    async def sent_parts(self, key: str, upload_id: str) -> list[SentPart]:
        """What has arrived of an upload; raises ObjectMissing once it has ended."""

        def work(client: "S3Client") -> list[SentPart]:
            pages = client.get_paginator("list_parts").paginate(
                Bucket=self._bucket, Key=key, UploadId=upload_id
            )
            return [
                SentPart(each["PartNumber"], each["ETag"].strip('"'), each["Size"])
                for page in pages
                for each in page.get("Parts", [])
            ]

        return await self._run(work)

    async def delete(self, keys: Sequence[str]) -> None:
        """Deleting what is not there is no error."""

        def work(client: "S3Client") -> None:
            for key in keys:
                client.delete_object(Bucket=self._bucket, Key=key)

        await self._run(work)

    async def copy(self, key: str, target: str) -> None:
        """Within the store; raises ObjectMissing. Nothing passes through here."""

        def work(client: "S3Client") -> None:
            client.copy_object(
                Bucket=self._bucket,
                Key=target,
                CopySource={"Bucket": self._bucket, "Key": key},
            )

        await self._run(work)

    async def give_up(self, keys: Sequence[str]) -> None:
        """End every upload in parts of these keys that was not completed."""

        def work(client: "S3Client") -> None:
            for key in keys:
                end_uploads(client, self._bucket, key)

        await self._run(work)

    async def below(self, prefix: str) -> list[str]:
        """Every key that begins with the prefix, in order."""

        def work(client: "S3Client") -> list[str]:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            return [each["Key"] for page in pages for each in page.get("Contents", [])]

        return await self._run(work)

    async def head(self, key: str) -> ObjectFacts | None:
        def work(client: "S3Client") -> ObjectFacts:
            seen = client.head_object(
                Bucket=self._bucket, Key=key, ChecksumMode="ENABLED"
            )
            kept = seen.get("ChecksumSHA256", "")
            # "…-3" is a checksum of part checksums: useless for the whole object.
            whole = kept and "-" not in kept
            return ObjectFacts(
                size=seen["ContentLength"],
                etag=seen["ETag"].strip('"'),
                content_type=seen.get("ContentType", ""),
                sha256=base64.b64decode(kept).hex() if whole else None,
                summed=seen.get("ServerSideEncryption", "AES256") == "AES256",
            )

        try:
            return await self._run(work)
        except ObjectMissing:
            return None

    async def sha256(self, key: str) -> str:
        """Reads the whole object; nothing a client claimed is believed."""
        digest = hashlib.sha256()
        await self._read(key, digest.update)
        return digest.hexdigest()

    async def sums(self, key: str, part_size: int) -> tuple[str, str]:
        """SHA-256 of the whole, and the ETag of these bytes in parts of this size."""
        found = Sums(part_size)
        await self._read(key, found.update)
        return found.sha256(), found.etag()

    async def download(self, key: str, path: Path) -> None:
        """Raises `TryLater` when the stream ends early; the part is removed."""
        file = await asyncio.to_thread(path.open, "wb")
        try:
            with file:
                await self._read(key, file.write)
        except BaseException:
            await asyncio.to_thread(path.unlink)
            raise

    async def get_bytes(self, key: str) -> bytes:
        found = bytearray()
        await self._read(key, found.extend)
        return bytes(found)

    async def get_json(self, key: str, kind: type[T]) -> T:
        return msgspec.json.decode(await self.get_bytes(key), type=kind)

    async def put_json(self, key: str, value: object) -> None:
        body = msgspec.json.encode(value, order="deterministic")

        def work(client: "S3Client") -> None:
            client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType="application/json",
                IfNoneMatch="*",
            )

        await self._once(key, len(body), work)

    async def upload(
        self, path: Path, key: str, content_type: str, *, finished: bool = False
    ) -> None:
        """In parts above 64 MiB; an upload that fails leaves nothing behind.

        `finished`: the name says what is in it, so whoever has it need not ask again.
        """
        kept = cache_control(key) if finished else ""
        size = (await asyncio.to_thread(path.stat)).st_size

        def work(client: "S3Client") -> None:
            send = send_parts if size > MULTIPART_ABOVE else send_whole
            send(client, path, (self._bucket, key, content_type), kept)

        await self._once(key, size, work)

    async def _once(
        self, key: str, size: int, work: Callable[["S3Client"], None]
    ) -> None:
        try:
            await self._run(work)
        except ObjectDiffers:
            # A repeated job meets its own objects; names carry the content hash.
            there = await self.head(key)
            if there is None or there.size != size:
                raise

    async def _read(self, key: str, take: Callable[[bytes], object]) -> None:
        def work(client: "S3Client") -> None:
            found = client.get_object(Bucket=self._bucket, Key=key)
            left = found["ContentLength"]
            for block in found["Body"].iter_chunks(_BLOCK):
                left -= len(block)
                take(block)
            if left:
                raise TryLater("storage_cut_off", f"{left} bytes of an object missing")

        await self._run(work)

    async def _sign(
        self,
        method: Literal["put_object", "get_object", "upload_part"],
        key: str,
        asked: dict[str, str | int],
        expires: int,
    ) -> str:
        params: dict[str, Any] = {"Bucket": self._bucket, "Key": key, **asked}
        return await self._run(
            lambda client: client.generate_presigned_url(
                method, Params=params, ExpiresIn=expires
            )
        )

    async def _run(self, work: Callable[["S3Client"], T]) -> T:
        return await asyncio.to_thread(self._in_thread, work)

    def _in_thread(self, work: Callable[["S3Client"], T]) -> T:
        with named_failures():
            return work(self._client())

    def _client(self) -> "S3Client":
        with self._lock:
            if self._made is None:
                self._made = connect(
                    self._endpoint, self._keys, self._region, self._patience_s
                )
            return self._made
