"""boto3 at arm's length: connects, sends files and names failures by reaction."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from media_agents.errors import ObjectDiffers, ObjectMissing, TryLater

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef, CORSRuleTypeDef

PART_BYTES = 16 << 20
PATIENCE_S = 60.0
_MISSING = {"404", "NoSuchKey", "NotFound", "NoSuchUpload"}
_EXISTS = {"412", "PreconditionFailed"}


class Kept(TypedDict, total=False):
    CacheControl: str


def connect(
    endpoint: str, keys: tuple[str, str], region: str, patience_s: float = PATIENCE_S
) -> "S3Client":
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        region_name=region,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"max_attempts": 3, "mode": "standard"},
            connect_timeout=5,
            read_timeout=patience_s,
            # A default checksum would be signed into every presigned PUT.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def let_read(client: "S3Client", bucket: str, origins: Sequence[str]) -> None:
    """Pages of these origins may read and upload from a browser."""
    rule: CORSRuleTypeDef = {
        "AllowedOrigins": list(origins),
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag", "Content-Range"],
        "MaxAgeSeconds": 3600,
    }
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})


def send_whole(
    client: "S3Client", path: Path, target: tuple[str, str, str], kept: str = ""
) -> None:
    """`kept` is the Cache-Control of the object; it must not be there yet."""
    bucket, key, kind = target
    with path.open("rb") as file:
        client.put_object(
            Bucket=bucket,
            Key=key,
            ContentType=kind,
            Body=file,
            IfNoneMatch="*",
            **_kept(kept),
        )


def _kept(cache_control: str) -> Kept:
    return {"CacheControl": cache_control} if cache_control else {}


def send_parts(
    client: "S3Client", path: Path, target: tuple[str, str, str], kept: str = ""
) -> None:
    bucket, key, kind = target
    made = client.create_multipart_upload(
        Bucket=bucket, Key=key, ContentType=kind, **_kept(kept)
    )
    upload = made["UploadId"]
    parts: list[CompletedPartTypeDef] = []
    try:
        with path.open("rb") as file:
            while body := file.read(PART_BYTES):
                number = len(parts) + 1
                sent = client.upload_part(
                    Bucket=bucket,
                    Key=key,
                    UploadId=upload,
                    PartNumber=number,
                    Body=body,
                )
                parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        client.complete_multipart_upload(
            Bucket=bucket,
            Key=key,
            UploadId=upload,
            MultipartUpload={"Parts": parts},
            IfNoneMatch="*",
        )
    except BaseException:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
        raise


@contextmanager
def named_failures() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _named(error) from error
    except BotoCoreError as error:
        raise _away(error) from error


def _away(error: Exception) -> TryLater:
    return TryLater("storage_away", type(error).__name__)


def _named(error: "ClientError") -> Exception:
    code = error.response["Error"]["Code"]
    if code in _MISSING:
        return ObjectMissing(code)
    if code in _EXISTS:
        return ObjectDiffers(code)
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    busy = status >= 500 or status in {409, 429}
    return TryLater("storage_busy", code) if busy else error


def end_uploads(client: "S3Client", bucket: str, key: str) -> None:
    """Those in parts that were not completed."""
    listing = client.get_paginator("list_multipart_uploads")
    pages = listing.paginate(Bucket=bucket, Prefix=key)
    for each in [each for page in pages for each in page.get("Uploads", [])]:
        if each["Key"] == key:
            client.abort_multipart_upload(
                Bucket=bucket, Key=key, UploadId=each["UploadId"]
            )
