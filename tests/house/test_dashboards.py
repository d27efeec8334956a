"""Boards and alerts ask only for metrics that somebody reports."""

import json
import re

import pytest
from prometheus_client import REGISTRY

from ai_adapter import metrics as calls
from api.telemetry import Telemetry
from house.tree import ROOT
from infra import gauges
from streams import metrics

FOLDER = ROOT / "infra" / "dashboards"
NAME = re.compile(r"\b(?:contentops|process)_[a-z_]+\b")
SAMPLE = re.compile(r"_(?:total|bucket|sum|count|created)$")
SOURCE = re.compile(r'"(contentops_[a-z_]+)"')


def reported() -> set[str]:
    assert metrics.COMMANDS
    assert calls.CALLS
    counted = {
        family.name
        for registry in (REGISTRY, Telemetry().registry)
        for family in registry.collect()
    }
    looked_up = SOURCE.findall((ROOT / gauges.__file__).read_text("utf-8"))
    return counted | set(looked_up)


def asked(name: str) -> list[str]:
    if name.endswith(".json"):
        board = json.loads((FOLDER / name).read_text("utf-8"))
        return [each["expr"] for panel in board["panels"] for each in panel["targets"]]
    return re.findall(r"expr: (.*(?:\n {10}.*)*)", (FOLDER / name).read_text("utf-8"))


def unknown(expression: str) -> set[str]:
    named = {SAMPLE.sub("", name) for name in NAME.findall(expression)}
    return named - {SAMPLE.sub("", name) for name in reported()}


@pytest.mark.parametrize("name", ["grafana.json", "alerts.yml"])
def test_every_metric_that_is_asked_for_is_reported(name: str) -> None:
    expressions = asked(name)

    assert len(expressions) > 10
    assert {each: unknown(each) for each in expressions if unknown(each)} == {}


def test_a_metric_that_nobody_reports_is_found() -> None:
    assert unknown("rate(contentops_unheard_of_total[5m])") == {"contentops_unheard_of"}
