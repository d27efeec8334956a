"""Properties of request bodies: closed, camelCase, and never beyond what is kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from api import app
from api.routes import (
    accounts,
    asset_shelf,
    asset_uploads,
    copies,
    generate,
    landing_pages,
    media_jobs,
    projects,
    publications,
    publish,
)
from api.shapes import Body

BODIES: list[type[Body]] = [
    projects.NewProject,
    accounts.NewAccount,
    asset_uploads.NewAsset,
    asset_uploads.NewBody,
    asset_uploads.Complete,
    asset_shelf.Description,
    asset_shelf.Retention,
    copies.NewCopy,
    copies.Approval,
    generate.NewGeneration,
    landing_pages.NewLandingPage,
    landing_pages.LeadForm,
    media_jobs.NewMediaJob,
    publications.Confirmation,
    publications.Numbers,
    publish.NewPublication,
]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("kind", BODIES)
@given(anything)
def test_anything_is_taken_or_refused_and_nothing_else(
    kind: type[Body], found: object
) -> None:
    try:
        taken = kind.model_validate(found)
    except ValidationError:
        return
    assert isinstance(taken, kind)


@pytest.mark.parametrize("kind", BODIES)
def test_an_unknown_field_is_refused(kind: type[Body]) -> None:
    with pytest.raises(ValidationError) as refused:
        kind.model_validate({"nobodyKnowsThis": 1})
    assert "extra_forbidden" in [each["type"] for each in refused.value.errors()]


@pytest.mark.parametrize("kind", BODIES)
def test_every_text_and_list_has_a_bound(kind: type[Body]) -> None:
    """Titles alone are bounded by their platform."""
    shape = json.dumps(TypeAdapter(kind).json_schema())

    open_ended = [
        where
        for where, each in _strings(json.loads(shape), "")
        if not each.keys() & {"maxLength", "enum", "const", "format", "pattern"}
    ]
    assert open_ended in ([], ["/properties/title"])


def _strings(node: object, where: str) -> list[tuple[str, dict[str, object]]]:
    if isinstance(node, list):
        return [
            x for n, each in enumerate(node) for x in _strings(each, f"{where}/{n}")
        ]
    if not isinstance(node, dict):
        return []
    mine = [(where, node)] if node.get("type") == "string" else []
    inner = [
        x for name, each in node.items() for x in _strings(each, f"{where}/{name}")
    ]
    return mine + inner


@given(st.text())
def test_numbers_of_an_account_take_no_text(text: str) -> None:
    with pytest.raises(ValidationError):
        publications.Numbers.model_validate({"views": text or "x"})


def test_every_resource_is_mounted_once() -> None:
    paths = [
        (method, route.path)  # type: ignore[attr-defined]  # all are API routes
        for router in (*app.RESOURCES, *app.OUTSIDE)
        for route in router.routes
        for method in getattr(route, "methods", {"WEBSOCKET"})
    ]

    assert len(paths) == len(set(paths))
