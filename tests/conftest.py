"""Loads every fixture file of tests/fixtures, so that adding one is one new file."""

from pathlib import Path

FOLDER = Path(__file__).with_name("fixtures")

pytest_plugins = [f"fixtures.{path.stem}" for path in sorted(FOLDER.glob("fix_*.py"))]
