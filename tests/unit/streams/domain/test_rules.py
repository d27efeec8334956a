"""Tenants, content, assets, accounts, pages and leads: three questions per command."""

from datetime import UTC, datetime

import pytest
from msgspec import Struct

from schemas.commands.account import ConnectAccount, ReleaseSlot, ReserveSlot
from schemas.commands.asset import (
    CompleteUpload,
    FailTranscode,
    ImportAsset,
    PresignAsset,
    RecordProbe,
    RefuseAsset,
    RequestTranscode,
)
from schemas.commands.content import (
    ApproveCopy,
    CreateProject,
    FailCopy,
    LimitProject,
    RequestCopy,
)
from schemas.commands.lead import CaptureLead, CreatePage
from schemas.commands.tenant import AddUser, CreateKey, CreateTenant, RevokeKey
from schemas.events.account import SlotGranted, SlotRefused
from schemas.events.asset import AssetRefused, AssetUploaded
from schemas.events.content import (
    CopyApproved,
    CopyGenerated,
    ProjectCreated,
    ProjectLimited,
)
from schemas.jobs import MediaFacts, Sealed, Usage
from unit.streams.domain.given import refused, when

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FACTS = MediaFacts(5000, 1280, 720, 25.0, "h264")
PRESIGN = PresignAsset("p", "a.mp4", "video/mp4", 10, "t/assets/1/a.mp4", "aa")
COMPLETE = CompleteUpload(10, "aa", "video/mp4")
COPY = RequestCopy("p", "v", "copy", "bilibili", "brief")
CONNECT = ConnectAccount("bilibili", "open", "name", "direct", "ref")
PAGE = CreatePage("pub", "code", "title")
LEAD = CaptureLead("page", "pub", "form", "s", Sealed("k", "n", "c"))
KEY = CreateKey("u", "admin", "hash")
IMPORT = ImportAsset("p", "https://example.org/a.mp4", "t/assets/2/a.mp4", ("720p",))


@pytest.mark.parametrize(
    ("aggregate", "command"),
    [
        ("tenant", CreateTenant("acme")),
        ("user", AddUser("admin")),
        ("key", KEY),
        ("project", CreateProject("first")),
        ("asset", PRESIGN),
        ("asset", IMPORT),
        ("copy", COPY),
        ("account", CONNECT),
        ("page", PAGE),
        ("lead", LEAD),
    ],
)
def test_what_is_created_twice_is_created_once(aggregate: str, command: Struct) -> None:
    first = when(aggregate, command)

    assert first is not None
    assert when(aggregate, command, first) is None


@pytest.mark.parametrize(
    ("aggregate", "command", "pointer"),
    [
        ("user", AddUser("owner"), "/role"),
        ("project", CreateProject("  "), "/name"),
        ("project", CreateProject("x" * 201), "/name"),
        ("asset", PresignAsset("p", "a", "video/mp4", 0, "k"), "/size"),
        ("copy", RequestCopy("p", "v", "copy", "bilibili", "x" * 20_001), "/brief"),
    ],
)
def test_bad_values_name_the_field(
    aggregate: str, command: Struct, pointer: str
) -> None:
    no = refused(aggregate, command)

    assert (no.kind, no.pointer) == ("invalid", pointer)
    assert no.detail


@pytest.mark.parametrize(
    ("aggregate", "command"),
    [
        ("key", RevokeKey()),
        ("copy", ApproveCopy()),
        ("copy", FailCopy("j", "c", "r")),
        ("asset", COMPLETE),
        ("asset", RequestTranscode("v", ("720p",))),
        ("account", ReserveSlot("pub", "v", NOW)),
    ],
)
def test_what_does_not_exist_is_missing(aggregate: str, command: Struct) -> None:
    assert refused(aggregate, command).kind == "missing"


def test_an_upload_of_another_size_or_hash_is_refused() -> None:
    opened = when("asset", PRESIGN)
    assert opened is not None

    size = refused("asset", CompleteUpload(11, "aa", "video/mp4"), opened)
    other = refused("asset", CompleteUpload(10, "bb", "video/mp4"), opened)

    assert (size.code, other.code) == ("wrong_size", "wrong_hash")


def test_work_waits_for_the_upload_and_stops_at_a_refused_file() -> None:
    opened = when("asset", PRESIGN)
    assert opened is not None
    wanted = RequestTranscode("v", ("720p",))
    assert refused("asset", wanted, opened).code == "upload_open"

    body = when("asset", COMPLETE, opened)
    assert isinstance(body, AssetUploaded)
    bad = when("asset", RefuseAsset("j", "not_a_video", "text"), opened, body)
    assert isinstance(bad, AssetRefused)
    assert refused("asset", wanted, opened, body, bad).code == "not_a_video"


def test_a_video_ends_once() -> None:
    opened = when("asset", PRESIGN)
    assert opened is not None
    body = when("asset", COMPLETE, opened)
    assert body is not None
    asked = when("asset", RequestTranscode("v", ("720p",)), opened, body)
    assert asked is not None
    failed = when("asset", FailTranscode("j", "v", "c", "r"), opened, body, asked)
    assert failed is not None

    late = FailTranscode("j2", "v", "c", "r")
    assert when("asset", late, opened, body, asked, failed) is None
    assert when("asset", RecordProbe("j", FACTS), opened, body) is not None


def test_a_failed_import_refuses_the_asset_before_any_body() -> None:
    opened = when("asset", IMPORT)
    assert opened is not None

    found = when("asset", RefuseAsset("j", "fetch_refused", "private"), opened)

    assert isinstance(found, AssetRefused)


def test_an_approval_needs_a_text_and_may_edit_it() -> None:
    asked = when("copy", COPY)
    assert asked is not None
    assert refused("copy", ApproveCopy(), asked).code == "copy_not_ready"
    made = CopyGenerated("j", ("one", "two"), "p", "m", Usage(), True, "h", "1")
    yes = when("copy", ApproveCopy(1), asked, made)
    assert yes == CopyApproved(1, "two", 2)
    assert yes is not None
    assert when("copy", ApproveCopy(1), asked, made, yes) is None
    assert refused("copy", ApproveCopy(2), asked, made).pointer == "/variant"
    mine = CopyApproved(0, "mine", 3, edited=True)
    assert when("copy", ApproveCopy(0, "mine"), asked, made) == mine
    assert when("copy", ApproveCopy(0, "mine"), asked, made, mine) is None


def test_one_account_grants_one_slot_per_video_until_it_is_released() -> None:
    connected = when("account", CONNECT)
    assert connected is not None
    first = when("account", ReserveSlot("pub1", "v", NOW), connected)
    assert isinstance(first, SlotGranted)
    again = when("account", ReserveSlot("pub1", "v", NOW), connected, first)
    assert again is None
    second = when("account", ReserveSlot("pub2", "v", NOW), connected, first)
    assert isinstance(second, SlotRefused)
    freed = when("account", ReleaseSlot("pub1"), connected, first)
    assert freed is not None
    third = when("account", ReserveSlot("pub2", "v", NOW), connected, first, freed)
    assert isinstance(third, SlotGranted)


def test_a_project_is_limited_and_freed_again() -> None:
    made, limited = ProjectCreated("p"), ProjectLimited(100, None)

    assert when("project", LimitProject(100), made) == limited
    assert when("project", LimitProject(100), made, limited) is None
    assert when("project", LimitProject(), made, limited) == ProjectLimited()
    assert when("project", CreateProject("p"), made, limited) is None
    assert refused("project", LimitProject(100)).kind == "missing"
    assert refused("project", LimitProject(None, -1), made).pointer == "/asset_files"
