# SPDX-License-Identifier: Apache-2.0
"""The last client of A2A 0.3 against a server that serves this version as well."""

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest
from server_process import ServerProcess
from specification import ROOT

pytestmark = [pytest.mark.additions, pytest.mark.own_server]


def texts(task: Any) -> list[str]:
    return ["".join(part["text"] for part in artifact["parts"]) for artifact in task.get("artifacts", [])]


async def test_a_client_of_version_0_3_works_with_all_of_it(own_server: Callable[..., ServerProcess]) -> None:
    python = ROOT / ".venv-a2a-v03" / "bin" / "python"
    assert python.is_file(), f"{python} does not exist: start the suite with scripts/interop, which creates it"
    server = own_server("--a2a-v03")
    script = os.path.join(os.path.dirname(__file__), "a2a_v03_client.py")
    run = await anyio.to_thread.run_sync(
        lambda: subprocess.run([python, script, server.url], capture_output=True, text=True, timeout=120)
    )
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout)
    assert seen["echo"]["task"]["status"]["state"] == "completed"
    assert texts(seen["echo"]["task"]) == ["Hello"]
    assert seen["slow"]["task"]["status"]["state"] == "completed"
    assert texts(seen["slow"]["task"]) == ["one two three"]
    assert {"status-update", "artifact-update"} <= set(seen["slow"]["updates"])
    assert seen["asking"]["task"]["status"]["state"] == "input-required"
    assert seen["asking"]["task"]["status"]["message"]["parts"][0]["text"] == "What is your name?"
    assert seen["push"]["pushNotificationConfig"]["url"] == "https://example.com/webhook"
    assert seen["answered"]["task"]["status"]["state"] == "completed"
    assert texts(seen["answered"]["task"]) == ["Hello, Ada!"]
    assert len(seen["found"]["history"]) == 1
    assert seen["cancelled"]["status"]["state"] == "canceled"
    assert "-32001" in seen["missing"] and "-32002" in seen["too late"]


async def test_version_0_3_is_not_served_unless_it_is_switched_on(url: str) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {}}
    async with httpx.AsyncClient() as http:
        error = (await http.post(f"{url}/a2a/echo", json=call)).json()["error"]
        assert error["code"] in (-32009, -32601)
