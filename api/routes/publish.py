"""Publish: one approved copy and one finished video to one account, now or later."""

from typing import Annotated
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Response
from msgspec.structs import replace
from pydantic import Field, StringConstraints

from api.deps import Read
from api.judging import evidence
from api.problems import conflict, invalid, missing
from api.routes.accounts import Account, mode_of
from api.routes.copies import Copy
from api.routes.images import ready_video
from api.routes.publications import Publication
from api.routes.videos import Video
from api.schedules import schedule, until
from api.shapes import Body, Id, Line, Receipt
from api.writes import Write, Writes, answer, decide, receipt
from connectors.base import Limits
from media_agents.storage import own_prefix
from projections.copies.query import NEWEST_APPROVED
from schemas.commands.publication import PlanPublication
from schemas.jobs import Evidence, Schedule

router = APIRouter(tags=["publish"])


class NewPublication(Body):
    """`scheduleAt` is UTC (ends with Z), has an offset, or is local to `timezone`.

    After `notAfter` (the same forms) it must not go out any more: it becomes `missed`.
    """

    video_id: Id
    platform: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    account_id: Id
    title: Annotated[str, StringConstraints(min_length=1)]
    tags: list[Line] = Field(default=[], max_length=100)
    cover_url: Annotated[str, StringConstraints(max_length=4000)] | None = None
    schedule_at: Annotated[str, StringConstraints(max_length=40)] | None = None
    timezone: Annotated[str, StringConstraints(max_length=64)] | None = None
    not_after: Annotated[str, StringConstraints(max_length=40)] | None = None
    copy_id: Id | None = None


@router.post("/publish", status_code=202, response_model=Receipt)
async def publish(body: NewPublication, write: Writes, rows: Read) -> Response:
    publication_id = write.new_id("publication")
    wish, cause = await _plan(body, write, rows)
    outcome = await decide(write, wish, publication_id, cause=cause)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, publication_id),
        lambda: rows.one("publications", Publication, publication_id),
        made=f"/api/v1/publications/{publication_id}",
    )


async def _plan(
    body: NewPublication, write: Write, rows: Read
) -> tuple[PlanPublication, str]:
    parts = write.parts
    mode_of(parts, body.platform)
    limits = parts.platforms.limits(body.platform)
    when = schedule(body.schedule_at, body.timezone, parts.clock())
    when = until(when, body.not_after, body.timezone)
    check_lengths(body, limits)
    account = await _account(body, rows)
    video = await ready_video(body.video_id, rows)
    copy = await _copy(body, rows)
    if len(copy.text) > limits.text_max:
        raise conflict(
            "/copyId",
            f"The approved text has {len(copy.text)} characters, "
            f"{body.platform} takes {limits.text_max}.",
            "Approve a shorter text.",
        )
    cover = await _cover(body.cover_url, write) or cover_for(body.platform, video)
    words = "\n".join((body.title, copy.text, " ".join(body.tags)))
    judged = await evidence(write, rows, words, body.platform, f"copy/{copy.id}")
    wish = _wish(body, (account, video, copy), when, cover)
    return replace(wish, moderation=judged), copy.approved_event_id


def cover_for(platform: str, video: Video) -> str:
    """The cover in the shape that the platform likes best, once it was made."""
    fitting = (
        each.key
        for each in video.pictures
        if platform in each.profiles and each.content_type == "image/jpeg"
    )
    return next(fitting, video.cover_key)


def _wish(
    body: NewPublication,
    evidence: tuple[Account, Video, Copy],
    when: Schedule,
    cover_key: str,
) -> PlanPublication:
    account, video, copy = evidence
    return PlanPublication(
        project_id=video.project_id,
        video_id=video.id,
        account_id=account.id,
        platform=body.platform,
        mode=account.mode,
        title=body.title,
        text=copy.text,
        tags=tuple(body.tags),
        mp4_key=video.mp4_key,
        cover_key=cover_key,
        copy_id=copy.id,
        schedule=when,
        approval=Evidence(
            "copy.approved", copy.approved_event_id, copy.approved_version
        ),
        material=Evidence("asset.transcoded", video.event_id, video.version),
    )


def check_lengths(body: NewPublication, limits: Limits) -> None:
    """Counted as the platform counts; raises the 422 that names the field."""
    _at_most("/title", len(body.title), limits.title_max, "characters")
    _at_most("/tags", len(body.tags), limits.tags_max, "tags")
    joined = len(",".join(body.tags))
    _at_most("/tags", joined, limits.tag_chars_max, "characters in all tags")
    if len(body.tags) < limits.tags_min:
        raise invalid(
            "/tags",
            f"There are {len(body.tags)} tags.",
            f"Give at least {limits.tags_min}.",
        )


def _at_most(pointer: str, found: int, most: int, what: str) -> None:
    if found > most:
        raise invalid(
            pointer, f"There are {found} {what}.", f"Use at most {most} {what}."
        )


async def _account(body: NewPublication, rows: Read) -> Account:
    found = await rows.one("accounts", Account, body.account_id)
    if found is None:
        raise missing("account", "/accountId")
    if found.platform != body.platform:
        raise invalid(
            "/accountId",
            f"This account is at {found.platform}.",
            f"Use an account at {body.platform}.",
        )
    return found


async def _copy(body: NewPublication, rows: Read) -> Copy:
    if body.copy_id is None:
        newest = await rows.all(NEWEST_APPROVED, (body.video_id, body.platform))
        if not newest:
            raise conflict(
                "/copyId",
                "No copy for this video and platform is approved.",
                "Approve one, or name one in copyId.",
            )
        return Copy.model_validate(newest[0])
    found = await rows.one("copies", Copy, body.copy_id)
    if found is None:
        raise missing("copy", "/copyId")
    if found.status != "approved":
        raise conflict("/copyId", f"This copy is {found.status}.", "Approve it first.")
    if found.platform != body.platform or found.video_id not in ("", body.video_id):
        raise conflict(
            "/copyId",
            "This copy was made for another video or platform.",
            "Name a copy of this video and platform.",
        )
    return found


async def _cover(url: str | None, write: Write) -> str:
    """The key of a picture of ours; nothing is fetched from an address given here."""
    if not url:
        return ""
    key = unquote(urlsplit(url).path).lstrip("/").partition("/")[2]
    known = own_prefix(write.who.tenant, key)
    if not known or await write.parts.storage.head(key) is None:
        raise invalid(
            "/coverUrl",
            "This is not a picture of this tenant.",
            "Send the coverUrl of a video or the url of an asset, or leave it out.",
        )
    return key
