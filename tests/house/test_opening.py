"""Who may open what is sealed: queries of read models and the inbound role."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "projections", "streams", "media_agents", "connectors", "infra")
ALLOWED = ("streams/inbound.py", "streams/keyring.py")


def openings(source: str) -> list[int]:
    """Lines that call `open` of a keyring."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "open"
        and "keyring" in ast.unparse(node.func.value)
    ]


def test_personal_data_is_opened_in_queries_only() -> None:
    found = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if openings(path.read_text("utf-8"))
    }

    assert {p for p in found if not p.endswith("query.py")} <= set(ALLOWED)
    assert "projections/leads/query.py" in found


def test_a_route_that_opens_a_contact_would_be_seen() -> None:
    planted = "async def f(parts):\n    return await parts.keyring.open('t', s, 'f')\n"

    assert openings(planted) == [2]
