# SPDX-License-Identifier: Apache-2.0
"""Two server processes on one Redis, which share all runs and sessions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import pytest
from calls import LONG, TERMINAL, assert_error, live_events, new_session_id, resume_request, run_request, types
from recording import Record, RecordingTransport
from redis_process import RedisProcess
from server_process import ServerProcess
from waiting import eventually

pytestmark = [pytest.mark.additions, pytest.mark.own_server]


@dataclass
class Pair:
    """Clients of the two servers. Runs that are started on one are read through the other."""

    one: httpx.AsyncClient
    other: httpx.AsyncClient


@pytest.fixture
def redis() -> Iterator[RedisProcess]:
    process = RedisProcess()
    yield process
    process.stop()


@pytest.fixture
async def pair(redis: RedisProcess, own_server: Callable[..., ServerProcess], record: Record) -> Any:
    first, second = (own_server("--storage", redis.url) for _ in range(2))
    async with (
        httpx.AsyncClient(base_url=first.url, transport=RecordingTransport(record), timeout=60) as one,
        httpx.AsyncClient(base_url=second.url, transport=RecordingTransport(record), timeout=60) as other,
    ):
        yield Pair(one, other)


async def events(http: httpx.AsyncClient, run_id: str) -> list[Any]:
    response = await http.get(f"/runs/{run_id}/events")
    assert response.status_code == 200, response.text
    return response.json()["events"]


async def status(http: httpx.AsyncClient, run_id: str) -> str:
    return (await http.get(f"/runs/{run_id}")).json()["status"]


async def test_both_see_the_same_runs_and_events(pair: Pair) -> None:
    for here, there in ((pair.one, pair.other), (pair.other, pair.one)):
        run = (await here.post("/runs", json=run_request("echo", "hello"))).json()
        assert run["status"] == "completed"
        assert (await there.get(f"/runs/{run['run_id']}")).json() == run
        assert await events(there, run["run_id"]) == await events(here, run["run_id"])
    listed = (await pair.one.get("/runs")).json()
    assert listed["total"] == 2
    assert (await pair.other.get("/runs")).json() == listed
    assert (await pair.other.delete(f"/runs/{listed['runs'][0]['run_id']}")).status_code == 204
    assert (await pair.one.get("/runs")).json()["total"] == 1


async def test_a_session_continues_through_both(pair: Pair) -> None:
    session_id = new_session_id()
    said = []
    for http in (pair.one, pair.other, pair.one, pair.other):
        run = (await http.post("/runs", json=run_request("counter", session_id=session_id))).json()
        said.append(run["output"][0]["parts"][0]["content"])
    assert said == ["Count: 1", "Count: 2", "Count: 3", "Count: 4"]
    histories = [(await http.get(f"/sessions/{session_id}")).json()["history"] for http in (pair.one, pair.other)]
    paths = [[httpx.URL(url).path for url in history] for history in histories]
    assert len(paths[0]) == 8, "the input and the output of four runs"
    assert paths[0] == paths[1]
    for path in paths[0]:
        assert (await pair.one.get(path)).json() == (await pair.other.get(path)).json()


async def test_a_run_is_followed_live_through_the_other(pair: Pair) -> None:
    request = run_request("slow", "one two three four", mode="async")
    run_id = (await pair.one.post("/runs", json=request)).json()["run_id"]
    seen: list[Any] = []
    was_live = False
    async with live_events(pair.other, run_id) as stream:
        async for event in stream:
            if event.json["type"] == "message.part" and not was_live:
                was_live = await status(pair.one, run_id) == "in-progress"
            seen.append((event.id, event.json))
    assert was_live, "the parts come while the run goes on"
    assert [event_id for event_id, _ in seen] == [str(index) for index in range(len(seen))]
    assert [event for _, event in seen] == await events(pair.one, run_id)
    assert types([event for _, event in seen])[-1] == "run.completed"


@pytest.mark.parametrize("mode", ["sync", "async", "stream"])
async def test_a_question_is_answered_through_the_other(pair: Pair, mode: str) -> None:
    run = (await pair.one.post("/runs", json=run_request("questioner"))).json()
    assert run["status"] == "awaiting"
    run_id = run["run_id"]
    assert await status(pair.other, run_id) == "awaiting"
    response = await pair.other.post(f"/runs/{run_id}", json=resume_request("Ada", mode))
    assert response.status_code == (202 if mode == "async" else 200), response.text
    ended = await eventually(lambda: status(pair.one, run_id), lambda now: now in TERMINAL, "the end of the run")
    assert ended == "completed"
    run = (await pair.other.get(f"/runs/{run_id}")).json()
    assert run["output"][-1]["parts"][0]["content"] == "Hello, Ada!"
    if mode == "sync":
        assert response.json() == run
    for http in (pair.one, pair.other):
        assert_error(await http.post(f"/runs/{run_id}", json=resume_request("Eve")), 403)


async def test_a_run_is_cancelled_through_the_other(pair: Pair) -> None:
    run_id = (await pair.one.post("/runs", json=run_request("slow", LONG, mode="async"))).json()["run_id"]
    seen: list[Any] = []

    async def follow() -> None:
        async with live_events(pair.one, run_id) as stream:
            seen.extend([event.json async for event in stream])

    async with anyio.create_task_group() as group:
        group.start_soon(follow)
        response = await pair.other.post(f"/runs/{run_id}/cancel")
        assert response.status_code == 202, response.text
        assert response.json()["status"] in {"cancelling", "cancelled"}
    assert types(seen)[-1] == "run.cancelled", "the owner has stopped it"
    for http in (pair.one, pair.other):
        assert await status(http, run_id) == "cancelled"
        assert_error(await http.post(f"/runs/{run_id}/cancel"), 403)


async def test_a_server_that_ends_hands_its_runs_over_to_the_other(
    redis: RedisProcess, own_server: Callable[..., ServerProcess], pair: Pair, record: Record
) -> None:
    leaving = own_server("--storage", redis.url)
    async with httpx.AsyncClient(base_url=leaving.url, transport=RecordingTransport(record), timeout=60) as http:
        run = (await http.post("/runs", json=run_request("greeter", "Ada"))).json()
    assert await anyio.to_thread.run_sync(leaving.stop) == 0
    assert (await pair.other.get(f"/runs/{run['run_id']}")).json() == run
    assert types(await events(pair.one, run["run_id"]))[-1] == "run.completed"
