# SPDX-License-Identifier: Apache-2.0
"""The playground of `acp serve`: by default on a loopback address, and by option."""

from collections.abc import Callable

import httpx
import pytest
from server_process import ServerProcess

pytestmark = [pytest.mark.additions, pytest.mark.own_server]


def test_a_server_on_a_loopback_address_has_the_playground_and_prints_its_url(
    own_server: Callable[..., ServerProcess],
) -> None:
    server = own_server()
    assert server.wait_for_log(r"Playground: (http://127\.0\.0\.1:\d+/playground/)")[1] == f"{server.url}/playground/"
    page = httpx.get(f"{server.url}/playground", follow_redirects=True)
    assert page.status_code == 200 and page.url.path == "/playground/"
    assert page.headers["Content-Encoding"] == "gzip" and "<!doctype html>" in page.text
    assert httpx.get(f"{server.url}/playground/storage").status_code == 404, "a storage in memory has no statistics"


def test_the_playground_can_be_switched_off(own_server: Callable[..., ServerProcess]) -> None:
    server = own_server("--no-playground")
    assert httpx.get(f"{server.url}/playground/").status_code == 404
    assert "Playground" not in server.log()


def test_what_the_playground_shows_requires_the_token(own_server: Callable[..., ServerProcess]) -> None:
    server = own_server("--token", "secret", "--playground")
    assert httpx.get(f"{server.url}/playground/").status_code == 200
    for path in ("server", "storage", "metrics", "runs/00000000-0000-4000-8000-000000000000"):
        assert httpx.get(f"{server.url}/playground/{path}").status_code == 401
    headers = {"Authorization": "Bearer secret"}
    assert httpx.get(f"{server.url}/playground/server", headers=headers).json()["has_metrics"] is False
    body = {"agent_name": "echo", "input": [{"parts": [{"content": "x"}]}]}
    run = httpx.post(f"{server.url}/runs", json=body, headers=headers).json()["run_id"]
    details = httpx.get(f"{server.url}/playground/runs/{run}", headers=headers).json()
    assert details["input"][0]["parts"][0]["content"] == "x" and details["event_count"] >= 5


def test_statistics_of_the_storage_are_those_of_the_tool(
    own_server: Callable[..., ServerProcess], tmp_path: object
) -> None:
    server = own_server("--storage", f"sqlite:{tmp_path}/runs.sqlite")
    statistics = httpx.get(f"{server.url}/playground/storage").json()
    assert statistics["storage"] == "SQLite" and {"name": "acp_runs", "rows": 0} in statistics["tables"]
