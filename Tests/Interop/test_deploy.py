# SPDX-License-Identifier: Apache-2.0
"""The dashboard and the alert rules use only metrics that exist, and use all that matter."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from specification import ROOT

pytestmark = pytest.mark.additions

DASHBOARD = ROOT / "deploy" / "grafana" / "simple-acp.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
NAMES = ROOT / "Sources" / "ACPMetrics" / "MetricName.swift"
PAGE = ROOT / "docs" / "observability.md"
METRIC = re.compile(r"\b((?:acp|redis|process)_[a-z_]+)")


def names() -> set[str]:
    return set(re.findall(r'^    case \w+ = "(\w+)"$', NAMES.read_text(encoding="utf-8"), re.MULTILINE))


def metrics(expression: str) -> set[str]:
    """The metrics of an expression, without the suffixes of histograms and without what is in quotation marks."""
    known = names()
    found = set(METRIC.findall(re.sub(r'"[^"]*"', "", expression)))
    return {name if name in known else re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


def expressions() -> Iterator[str]:
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]


def rules() -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def test_the_dashboard_shows_every_metric_that_exists_and_no_other() -> None:
    shown = set().union(*(metrics(expression) for expression in expressions()))
    # Shown by their effect.
    left_out = {
        "acp_commit_events",
        "acp_postgres_connect_failures_total",
        "process_start_time_seconds",
        "redis_client_commands_total",
        "redis_client_connect_failures_total",
    }
    assert shown == names() - left_out


def test_the_dashboard_is_laid_out_without_overlaps() -> None:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells |= own


def test_alerts_use_metrics_that_exist_and_tell_what_to_do() -> None:
    seen = set()
    for rule in rules():
        assert metrics(str(rule["expr"])) <= names(), rule["alert"]
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}  # type: ignore[index]
        assert {"summary", "description"} == set(rule["annotations"])  # type: ignore[call-overload]
        seen.add(rule["alert"])
    assert len(seen) == len(rules()), "each alert has a name of its own"


def test_the_page_lists_every_metric() -> None:
    page = PAGE.read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `((?:acp|redis|process)_[a-z_]+)`", page, re.MULTILINE))
    assert listed == names()
