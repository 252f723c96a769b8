# SPDX-License-Identifier: Apache-2.0
"""Starting runs in the three modes, and reading their events."""

import uuid
from contextlib import aclosing

import anyio
import httpx
import pytest
import sse
from acp_sdk.client import Client
from acp_sdk.models import (
    Message,
    MessageCompletedEvent,
    MessagePart,
    MessagePartEvent,
    RunCompletedEvent,
    RunCreatedEvent,
    RunFailedEvent,
    RunStatus,
)
from calls import collected, run_request, stored, texts, types
from waiting import run_reaches


async def test_sync_returns_the_ended_run(acp: Client) -> None:
    run = await acp.run_sync("Hello", agent="echo")
    assert run.status == RunStatus.COMPLETED
    assert run.agent_name == "echo"
    assert texts(run) == ["Hello"]
    assert run.output[0].role == "agent/echo"
    assert run.error is None
    assert run.await_request is None
    assert run.session_id is not None
    assert run.finished_at is not None
    assert run.created_at <= run.finished_at
    assert await acp.run_status(run_id=run.run_id) == run


async def test_async_returns_at_once_and_the_run_completes(acp: Client) -> None:
    run = await acp.run_async("Ada", agent="greeter")
    assert run.status == RunStatus.CREATED
    assert run.output == []
    assert run.finished_at is None
    finished = await run_reaches(acp, run.run_id, RunStatus.COMPLETED)
    assert texts(finished) == ["Hello, Ada!"]
    assert (finished.run_id, finished.session_id, finished.created_at) == (
        run.run_id,
        run.session_id,
        run.created_at,
    )


async def test_a_stream_has_the_events_of_the_protocol_in_order(acp: Client) -> None:
    events = await collected(acp.run_stream("Hello", agent="echo"))
    assert types(events) == [
        "run.created",
        "run.in-progress",
        "message.created",
        "message.part",
        "message.completed",
        "run.completed",
    ]
    created, in_progress, last = events[0].run, events[1].run, events[-1].run
    assert created.run_id == in_progress.run_id == last.run_id
    assert (created.status, in_progress.status, last.status) == (
        RunStatus.CREATED,
        RunStatus.IN_PROGRESS,
        RunStatus.COMPLETED,
    )
    assert created.output == in_progress.output == []
    assert texts(last) == ["Hello"]


async def test_every_message_has_its_own_events(acp: Client) -> None:
    messages = [
        Message(parts=[MessagePart(content="a"), MessagePart(content="b")]),
        Message(parts=[MessagePart(content="c")]),
    ]
    events = await collected(acp.run_stream(messages, agent="echo"))
    assert types(events) == [
        "run.created",
        "run.in-progress",
        "message.created",
        "message.part",
        "message.part",
        "message.completed",
        "message.created",
        "message.part",
        "message.completed",
        "run.completed",
    ]
    parts = [event.part.content for event in events if isinstance(event, MessagePartEvent)]
    assert parts == ["a", "b", "c"]
    completed = [str(event.message) for event in events if isinstance(event, MessageCompletedEvent)]
    assert completed == ["ab", "c"]


async def test_parts_build_one_open_message(acp: Client) -> None:
    events = await collected(acp.run_stream("one two three", agent="slow"))
    assert types(events) == [
        "run.created",
        "run.in-progress",
        "message.created",
        "message.part",
        "message.part",
        "message.part",
        "message.completed",
        "run.completed",
    ]
    assert events[2].message.role == "agent/slow"
    assert events[2].message.parts == []
    assert events[2].message.completed_at is None, "an open message says that it is open"
    assert [event.part.content.strip() for event in events[3:6]] == ["one", "two", "three"]
    assert str(events[6].message) == "one two three"
    assert events[6].message.completed_at is not None
    assert events[7].run.output == [events[6].message]


@pytest.mark.parametrize("agent", ["echo", "greeter", "counter", "artist", "failer", "slow", "questioner"])
async def test_stored_events_equal_the_stream(acp: Client, agent: str) -> None:
    streamed = await collected(acp.run_stream("one two", agent=agent))
    assert isinstance(streamed[0], RunCreatedEvent)
    assert await stored(acp, streamed[0].run.run_id) == streamed


async def test_stored_events_have_the_bytes_of_the_stream(http: httpx.AsyncClient) -> None:
    response = await http.post("/runs", json=run_request("slow", "one two", mode="stream"))
    assert response.headers["content-type"].startswith("text/event-stream")
    streamed = [event.json for event in sse.parse(response.text)]
    run_id = response.headers["run-id"]
    assert (await http.get(f"/runs/{run_id}/events")).json()["events"] == streamed


async def test_sync_and_async_runs_have_events_too(acp: Client) -> None:
    expected = [
        "run.created",
        "run.in-progress",
        "message.created",
        "message.part",
        "message.completed",
        "run.completed",
    ]
    run = await acp.run_sync("x", agent="greeter")
    assert types(await stored(acp, run.run_id)) == expected
    run = await acp.run_async("x", agent="greeter")
    await run_reaches(acp, run.run_id, RunStatus.COMPLETED)
    events = await stored(acp, run.run_id)
    assert types(events) == expected
    assert isinstance(events[-1], RunCompletedEvent)
    assert events[-1].run == await acp.run_status(run_id=run.run_id)


async def test_a_failing_agent_fails_the_run_in_every_mode(acp: Client) -> None:
    run = await acp.run_sync("x", agent="failer")
    assert run.status == RunStatus.FAILED
    assert run.finished_at is not None
    assert run.error is not None
    assert run.error.code == "server_error"
    assert "always fails" in run.error.message

    events = await collected(acp.run_stream("x", agent="failer"))
    assert types(events) == ["run.created", "run.in-progress", "run.failed"]
    assert isinstance(events[-1], RunFailedEvent)
    assert events[-1].run.error == run.error

    run = await acp.run_async("x", agent="failer")
    failed = await run_reaches(acp, run.run_id, RunStatus.FAILED)
    assert failed.error == events[-1].run.error


@pytest.mark.parametrize(("mode", "status"), [("sync", 200), ("stream", 200), ("async", 202), (None, 200)])
async def test_the_run_id_is_a_header_too(http: httpx.AsyncClient, mode: str | None, status: int) -> None:
    body = run_request("echo") if mode is None else run_request("echo", mode=mode)
    response = await http.post("/runs", json=body)
    assert response.status_code == status
    run_id = response.headers["Run-ID"]
    assert str(uuid.UUID(run_id)) == run_id
    if mode != "stream":
        assert response.json()["run_id"] == run_id
    assert (await http.get(f"/runs/{run_id}")).json()["run_id"] == run_id


async def test_json_without_a_content_type_is_accepted(http: httpx.AsyncClient) -> None:
    body = b'{"agent_name":"echo","input":[{"parts":[{"content":"x"}]}]}'
    request = http.build_request("POST", "/runs", content=body)
    assert "content-type" not in request.headers
    response = await http.send(request)
    assert response.status_code == 200
    assert response.json()["output"][0]["parts"][0]["content"] == "x"


async def test_a_run_continues_when_its_client_disconnects(acp: Client) -> None:
    run_id = None
    async with aclosing(acp.run_stream("one two three four", agent="slow")) as events:
        async for event in events:
            if isinstance(event, RunCreatedEvent):
                run_id = event.run.run_id
            if isinstance(event, MessagePartEvent):
                break
    finished = await run_reaches(acp, run_id, RunStatus.COMPLETED)
    assert texts(finished) == ["one two three four"]
    assert types(await stored(acp, run_id)) == [
        "run.created",
        "run.in-progress",
        "message.created",
        *["message.part"] * 4,
        "message.completed",
        "run.completed",
    ]


async def test_many_runs_at_once_do_not_mix(acp: Client) -> None:
    answers: dict[int, list[str]] = {}

    async def one(index: int) -> None:
        answers[index] = texts(await acp.run_sync(f"message {index}", agent="echo"))

    async with anyio.create_task_group() as group:
        for index in range(32):
            group.start_soon(one, index)
    assert answers == {index: [f"message {index}"] for index in range(32)}


@pytest.mark.additions
async def test_whole_messages_have_the_agent_as_role_everywhere(acp: Client) -> None:
    events = await collected(acp.run_stream("Hello", agent="echo"))
    assert events[2].message.role == events[4].message.role == "agent/echo"
    assert events[-1].run.output == [events[4].message]
