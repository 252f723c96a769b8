# SPDX-License-Identifier: Apache-2.0
"""Listing and deleting runs."""

from typing import Any

import httpx
import pytest
from acp_sdk.client import Client
from acp_sdk.models import RunStatus
from calls import assert_error, new_session_id, run_request, slow_run
from waiting import run_reaches

pytestmark = pytest.mark.additions


async def listed(http: httpx.AsyncClient, **parameters: Any) -> tuple[list[dict[str, Any]], int]:
    response = await http.get("/runs", params=parameters)
    assert response.status_code == 200, response.text
    page = response.json()
    end = int(parameters.get("offset", 0)) + len(page["runs"])
    # A page that is not the last one says where the next one begins.
    assert page == {"runs": page["runs"], "total": page["total"]} | (
        {"next_offset": end} if page["runs"] and end < page["total"] else {}
    )
    return page["runs"], page["total"]


def run_ids(runs: list[dict[str, Any]]) -> list[str]:
    return [run["run_id"] for run in runs]


async def runs_of_a_session(http: httpx.AsyncClient, count: int) -> tuple[str, list[str]]:
    """Returns a new session with runs, oldest first."""
    session_id = new_session_id()
    ids = []
    for _ in range(count):
        ids.append((await http.post("/runs", json=run_request("echo", session_id=session_id))).json()["run_id"])
    return session_id, ids


async def test_runs_of_a_session_newest_first(http: httpx.AsyncClient) -> None:
    session_id, ids = await runs_of_a_session(http, 5)
    runs, total = await listed(http, session_id=session_id)
    assert run_ids(runs) == ids[::-1]
    assert total == 5
    for run in runs:
        assert run == (await http.get(f"/runs/{run['run_id']}")).json()


async def test_pages_have_the_whole_and_the_total_is_exact(http: httpx.AsyncClient) -> None:
    session_id, ids = await runs_of_a_session(http, 7)
    found = []
    for offset in range(0, 9, 3):
        runs, total = await listed(http, session_id=session_id, limit=3, offset=offset)
        assert total == 7
        found += run_ids(runs)
    assert found == ids[::-1]
    assert await listed(http, session_id=session_id, offset=7) == ([], 7)


async def test_ten_runs_by_default(http: httpx.AsyncClient) -> None:
    session_id, ids = await runs_of_a_session(http, 12)
    runs, total = await listed(http, session_id=session_id)
    assert run_ids(runs) == ids[:1:-1]
    assert total == 12
    assert len((await listed(http, session_id=session_id, limit=1000))[0]) == 12


async def test_all_runs_and_those_of_an_agent(http: httpx.AsyncClient) -> None:
    greeting = (await http.post("/runs", json=run_request("greeter"))).json()["run_id"]
    echo = (await http.post("/runs", json=run_request("echo"))).json()["run_id"]
    runs, total = await listed(http, limit=2)
    assert run_ids(runs) == [echo, greeting]
    assert total >= 2
    runs, _ = await listed(http, agent_name="greeter", limit=1)
    assert run_ids(runs) == [greeting]
    runs, of_greeter = await listed(http, agent_name="greeter", limit=1000)
    assert {run["agent_name"] for run in runs} == {"greeter"}
    assert len(runs) == min(of_greeter, 1000)


async def test_nothing_is_found_for_unknown_agents_and_sessions(http: httpx.AsyncClient) -> None:
    assert await listed(http, agent_name="nobody") == ([], 0)
    assert await listed(http, session_id=new_session_id()) == ([], 0)


async def test_unfinished_runs_by_status(http: httpx.AsyncClient, acp: Client) -> None:
    awaiting = (await http.post("/runs", json=run_request("questioner"))).json()["run_id"]
    async with slow_run(http) as running:
        await run_reaches(acp, running["run_id"], RunStatus.IN_PROGRESS)
        runs, _ = await listed(http, status="awaiting", limit=1000)
        assert awaiting in run_ids(runs)
        assert running["run_id"] not in run_ids(runs)
        runs, _ = await listed(http, status="in-progress", limit=1000)
        assert running["run_id"] in run_ids(runs)
        assert {run["status"] for run in runs} == {"in-progress"}
        await acp.run_cancel(run_id=awaiting)
        await run_reaches(acp, awaiting, RunStatus.CANCELLED)
        runs, _ = await listed(http, status="awaiting", limit=1000)
        assert awaiting not in run_ids(runs)
    for status in ("created", "cancelling"):
        await listed(http, status=status)


async def test_a_deleted_run_is_gone(http: httpx.AsyncClient) -> None:
    session_id, (first, second) = await runs_of_a_session(http, 2)
    response = await http.delete(f"/runs/{first}")
    assert response.status_code == 204
    assert response.content == b""
    for path in ("", "/events"):
        assert_error(await http.get(f"/runs/{first}{path}"), 404, "not_found")
    assert_error(await http.delete(f"/runs/{first}"), 404, "not_found")
    runs, total = await listed(http, session_id=session_id)
    assert (run_ids(runs), total) == ([second], 1)


async def test_a_deleted_run_leaves_the_history(http: httpx.AsyncClient) -> None:
    session_id, (run_id,) = await runs_of_a_session(http, 1)
    assert (await http.delete(f"/runs/{run_id}")).status_code == 204
    history = (await http.get(f"/sessions/{session_id}")).json()["history"]
    assert len(history) == 2
    assert (await http.get(history[0])).status_code == 200


async def test_an_unfinished_run_is_not_deleted(http: httpx.AsyncClient, acp: Client) -> None:
    awaiting = (await http.post("/runs", json=run_request("questioner"))).json()["run_id"]
    assert_error(await http.delete(f"/runs/{awaiting}"), 409)
    await acp.run_cancel(run_id=awaiting)
    await run_reaches(acp, awaiting, RunStatus.CANCELLED)
    assert (await http.delete(f"/runs/{awaiting}")).status_code == 204
