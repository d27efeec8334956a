"""The bucket: made if missing, readable from a browser page of the API's origin."""

import json
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.problem import Stop
from infra.settings import Settings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

EXPOSED = ["ETag", "Content-Length", "Content-Range", "Accept-Ranges"]


def client(settings: Settings) -> "S3Client":
    return boto3.client(
        "s3",
        endpoint_url=settings.need("s3"),
        aws_access_key_id=settings.s3_access_key,
        aws_secret_access_key=settings.need("s3_secret_key"),
        region_name=settings.s3_region,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


def ensure(settings: Settings) -> None:
    """Repeatable; the rules for other origins are set only on a server of ours."""
    s3 = client(settings)
    try:
        names = {bucket.get("Name") for bucket in s3.list_buckets()["Buckets"]}
        if settings.s3_bucket not in names:
            s3.create_bucket(Bucket=settings.s3_bucket)
    except (BotoCoreError, ClientError) as error:
        raise Stop(
            f"The bucket {settings.s3_bucket} at {settings.s3} cannot be used "
            f"({error}): check CONTENTOPS_S3 and its keys."
        ) from error


def let_read_public(settings: Settings) -> None:
    """Anybody may read what lies below `<tenant>/public/`, and nothing else."""
    everything = f"arn:aws:s3:::{settings.s3_bucket}/*/public/*"
    rule = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject"],
        "Resource": [everything],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [rule]})
    client(settings).put_bucket_policy(Bucket=settings.s3_bucket, Policy=policy)


def allow_origins(settings: Settings, origins: list[str]) -> None:
    client(settings).put_bucket_cors(
        Bucket=settings.s3_bucket,
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedOrigins": origins,
                    "AllowedMethods": ["GET", "HEAD", "PUT", "POST"],
                    "AllowedHeaders": ["*"],
                    "ExposeHeaders": EXPOSED,
                    "MaxAgeSeconds": 600,
                }
            ]
        },
    )
