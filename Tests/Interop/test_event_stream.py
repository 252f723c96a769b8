# SPDX-License-Identifier: Apache-2.0
"""The event log of a run: ids, pages, live streams and streams that continue."""

from contextlib import aclosing
from typing import Any

import anyio
import httpx
import pytest
import sse
from acp_sdk.client import Client
from acp_sdk.models import RunStatus
from calls import TERMINAL, live_events, resume_request, run_request, slow_run, types
from waiting import run_reaches

pytestmark = pytest.mark.additions


async def finished(http: httpx.AsyncClient, text: str = "one two three") -> tuple[str, list[Any]]:
    """Returns an ended run and its events."""
    response = await http.post("/runs", json=run_request("slow", text))
    run_id = response.json()["run_id"]
    return run_id, (await http.get(f"/runs/{run_id}/events")).json()["events"]


async def followed(http: httpx.AsyncClient, run_id: str, after: str | None = None) -> list[sse.ServerEvent]:
    async with live_events(http, run_id, last_event_id=after) as events:
        return [event async for event in events]


def ids(events: list[sse.ServerEvent]) -> list[str | None]:
    return [event.id for event in events]


async def test_ids_count_from_zero_in_the_stream_of_a_run(http: httpx.AsyncClient) -> None:
    response = await http.post("/runs", json=run_request("slow", "one two", mode="stream"))
    events = sse.parse(response.text)
    assert ids(events) == [str(index) for index in range(len(events))]
    assert all(set(event.fields) == {"id", "data"} for event in events)


async def test_ids_continue_in_the_stream_of_a_resume(http: httpx.AsyncClient) -> None:
    first = sse.parse((await http.post("/runs", json=run_request("questioner", mode="stream"))).text)
    run_id = first[0].json["run"]["run_id"]
    second = sse.parse((await http.post(f"/runs/{run_id}", json=resume_request("Ada", "stream"))).text)
    assert ids(first + second) == [str(index) for index in range(len(first) + len(second))]


async def test_the_stream_of_a_finished_run_ends(http: httpx.AsyncClient) -> None:
    run_id, events = await finished(http)
    followed_events = await followed(http, run_id)
    assert [event.json for event in followed_events] == events
    assert ids(followed_events) == [str(index) for index in range(len(events))]


async def test_a_stream_continues_after_any_event(http: httpx.AsyncClient) -> None:
    run_id, events = await finished(http)
    for last in range(len(events)):
        rest = await followed(http, run_id, after=str(last))
        assert [event.json for event in rest] == events[last + 1 :]
        assert ids(rest) == [str(index) for index in range(last + 1, len(events))]


async def test_a_stream_is_live(http: httpx.AsyncClient) -> None:
    async with slow_run(http) as run, live_events(http, run["run_id"]) as events:
        seen = []
        async for event in events:
            seen.append(event.json)
            if types(seen).count("message.part") == 2:
                await http.post(f"/runs/{run['run_id']}/cancel")
        assert types(seen)[:3] == ["run.created", "run.in-progress", "message.created"]
        assert types(seen)[-1] == "run.cancelled"
        assert (await http.get(f"/runs/{run['run_id']}/events")).json()["events"] == seen


async def test_a_reader_that_reconnects_misses_and_repeats_nothing(http: httpx.AsyncClient) -> None:
    run = (await http.post("/runs", json=run_request("slow", "a b c d e f", mode="async"))).json()
    seen: list[sse.ServerEvent] = []
    connections = 0
    while not seen or seen[-1].json["type"] != "run.completed":
        connections += 1
        async with live_events(http, run["run_id"], last_event_id=seen[-1].id if seen else None) as events:
            async with aclosing(events):
                # Leaves after two events, whatever comes then.
                taken = 0
                async for event in events:
                    seen.append(event)
                    taken += 1
                    if taken == 2:
                        break
    assert connections > 2
    assert ids(seen) == [str(index) for index in range(len(seen))]
    assert (await http.get(f"/runs/{run['run_id']}/events")).json()["events"] == [event.json for event in seen]


async def test_a_reader_follows_through_an_await(http: httpx.AsyncClient, acp: Client) -> None:
    run_id = (await http.post("/runs", json=run_request("questioner"))).json()["run_id"]
    async with live_events(http, run_id) as events:
        seen = []
        async for event in events:
            seen.append(event.json)
            if event.json["type"] == "run.awaiting":
                response = await http.post(f"/runs/{run_id}", json=resume_request("Ada", "async"))
                assert response.status_code == 202
    await run_reaches(acp, run_id, RunStatus.COMPLETED)
    assert types(seen)[-1] == "run.completed", "the stream goes on until the run has finished"
    assert (await http.get(f"/runs/{run_id}/events")).json()["events"] == seen


async def test_many_readers_see_the_same(http: httpx.AsyncClient) -> None:
    run = (await http.post("/runs", json=run_request("slow", "one two three four", mode="async"))).json()
    readings: list[list[Any]] = []

    async def read() -> None:
        readings.append([event.json for event in await followed(http, run["run_id"])])

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(read)
    events = (await http.get(f"/runs/{run['run_id']}/events")).json()["events"]
    assert readings == [events] * 8


async def test_events_are_listed_in_pages(http: httpx.AsyncClient) -> None:
    run_id, events = await finished(http)
    pages = []
    for offset in range(0, len(events) + 3, 3):
        response = await http.get(f"/runs/{run_id}/events", params={"limit": 3, "offset": offset})
        assert len(response.json()["events"]) <= 3
        pages += response.json()["events"]
    assert pages == events
    response = await http.get(f"/runs/{run_id}/events", params={"offset": 2})
    assert response.json()["events"] == events[2:]
    response = await http.get(f"/runs/{run_id}/events", params={"limit": 2})
    assert response.json()["events"] == events[:2]


async def test_all_events_are_returned_without_a_limit(http: httpx.AsyncClient) -> None:
    body = {"agent_name": "echo", "input": [{"parts": [{"content": str(index)} for index in range(1500)]}]}
    run = (await http.post("/runs", json=body)).json()
    events = (await http.get(f"/runs/{run['run_id']}/events")).json()["events"]
    assert len(events) == 1505
    assert [event.json for event in await followed(http, run["run_id"])] == events


async def test_the_last_event_of_every_run_is_terminal(http: httpx.AsyncClient) -> None:
    for agent in ("echo", "failer"):
        run = (await http.post("/runs", json=run_request(agent))).json()
        assert run["status"] in TERMINAL
        events = await followed(http, run["run_id"])
        assert events[-1].json["type"] == f"run.{run['status']}"
        assert events[-1].json["run"] == run
