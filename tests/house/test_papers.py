"""No kept file names a machine, and the papers hold what they promise."""

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, kept_files

# Written in pieces so that this file does not break its own rule.
MACHINE = re.compile(
    r"(?<![\w./~-])/("
    + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me"))
    + r")(/|\b(?![-\w]))"
)
HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("proxy", "golang", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("crates", "io"),
    )
)
TEXTS = {
    ".py",
    ".md",
    ".toml",
    ".json",
    ".sql",
    ".yaml",
    ".yml",
    ".html",
    ".js",
    ".css",
    ".lock",
    ".txt",
    ".cfg",
    ".sh",
    "",
}
DECISION_HEADINGS = ("Status", "Context", "Decision", "Consequences", "Alternatives")


def machine_names(text: str) -> list[str]:
    return [found.group() for found in MACHINE.finditer(text)] + [
        host for host in HOSTS if host in text
    ]


def texts() -> list[Path]:
    return [
        path for path in kept_files() if path.suffix in TEXTS and path.name != "uv.lock"
    ]


def test_no_file_names_a_machine_or_a_package_registry() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path in texts()
        if (names := machine_names(path.read_text("utf-8", "replace")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "text", ["/" + "root/x", "cd /" + "home/me", "a file:/" + "work/main", *HOSTS]
)
def test_a_planted_machine_name_is_seen(text: str) -> None:
    assert machine_names(text)


def test_each_recipe_touches_at_most_three_places() -> None:
    recipes = recipe_places((ROOT / "CONTRIBUTING.md").read_text("utf-8"))

    assert set(recipes) == {
        "A platform",
        "A destination for files",
        "An AI tool",
        "A projection",
        "An event type",
    }
    assert {name: n for name, n in recipes.items() if n > 3} == {}


def recipe_places(text: str) -> dict[str, int]:
    """Numbered items below each `### ` heading of the part about recipes."""
    part = text.split("\n## Recipes", 1)[1].split("\n## ", 1)[0]
    return {
        block.split("\n", 1)[0].strip(): len(re.findall(r"(?m)^\d+\. ", block))
        for block in part.split("\n### ")[1:]
    }


def test_a_recipe_of_four_places_is_counted() -> None:
    text = "\n## Recipes\n\n### Long\n1. a\n2. b\n3. c\n4. d\n\n## End\n5. e\n"
    assert recipe_places(text) == {"Long": 4}


def decisions() -> list[Path]:
    return sorted((ROOT / "docs" / "decisions").glob("*.md"))


def headings(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"(?m)^## (.+)$", text))


def test_each_decision_has_the_five_headings_and_one_page() -> None:
    pages = decisions()

    assert pages
    assert {page.name[:4] for page in pages} == {
        f"{n:04d}" for n in range(1, len(pages) + 1)
    }
    for page in pages:
        text = page.read_text("utf-8")
        assert headings(text) == DECISION_HEADINGS, page.name
        assert len(text.split()) <= 700, page.name


def test_links_between_papers_lead_somewhere() -> None:
    pages = [path for path in kept_files() if path.suffix == ".md"]
    assert [line for page in pages for line in dead_links(page)] == []


def dead_links(page: Path) -> list[str]:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    return [
        f"{page.name}: {target}"
        for target in targets
        if "://" not in target and not (page.parent / target).exists()
    ]


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("[here](a.md) [there](b.md#part) [out](https://example.com)")
    assert dead_links(page) == ["a.md: b.md"]
