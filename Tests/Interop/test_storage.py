# SPDX-License-Identifier: Apache-2.0
"""The SQLite file of `acp serve`: its contents after the server was killed, and its lock."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from server_process import ServerProcess, binary

pytestmark = [pytest.mark.additions, pytest.mark.own_server]


def tool(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(binary()), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


def test_acknowledged_runs_are_stored_after_the_server_was_killed(
    own_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    storage = f"sqlite:{tmp_path / 'runs.sqlite'}"
    server = own_server("--storage", storage)
    body = {"agent_name": "counter", "input": [{"role": "user", "parts": [{"content": "x"}]}], "session_id": "kept"}
    runs = [httpx.post(f"{server.url}/runs", json=body, timeout=60).raise_for_status().json() for _ in range(3)]
    server.kill()

    server = own_server("--storage", storage)
    for run in runs:
        found = httpx.get(f"{server.url}/runs/{run['run_id']}", timeout=60).raise_for_status().json()
        assert found["status"] == "completed"
        assert found["output"] == run["output"]
    # The session goes on where it was.
    run = httpx.post(f"{server.url}/runs", json=body, timeout=60).raise_for_status().json()
    assert "4" in run["output"][0]["parts"][0]["content"]


def test_a_file_serves_one_server(own_server: Callable[..., ServerProcess], tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    own_server("--storage", f"sqlite:{path}")
    second = tool("serve", "--port", "0", "--storage", f"sqlite:{path}")
    assert second.returncode == 1
    assert f"{path} is in use by process " in second.stderr
    # Looking at it is allowed.
    stats = tool("storage", "stats", "--json", "--storage", f"sqlite:{path}")
    assert stats.returncode == 0, stats.stderr
    assert {table["name"] for table in json.loads(stats.stdout)["tables"]} >= {"acp_runs", "acp_events"}


def test_the_default_is_a_file_in_the_data_folder(tmp_path: Path) -> None:
    done = tool("storage", "ping", XDG_DATA_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    file = tmp_path / "simple-acp" / "acp.sqlite"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    cleared = tool("storage", "clear", "--yes", XDG_DATA_HOME=str(tmp_path))
    assert cleared.returncode == 0, cleared.stderr


def test_a_storage_that_cannot_be_used_is_explained(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.sqlite"
    garbage.write_bytes(b"this is no database " * 100)
    for path, words in [
        (garbage, "is not a SQLite database"),
        (":memory:", "does not name a file"),
        (tmp_path / "missing" / "runs.sqlite", "No such file or directory"),
        (tmp_path, "is not a file"),
    ]:
        done = tool("serve", "--port", "0", "--storage", f"sqlite:{path}")
        assert done.returncode == 1
        assert words in done.stderr
