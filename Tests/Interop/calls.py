# SPDX-License-Identifier: Apache-2.0
"""Requests of many tests."""

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx
import sse
from acp_sdk.client import Client
from acp_sdk.models import Event, Message, MessageAwaitResume, MessagePart, Run

LONG = " ".join(f"word{index}" for index in range(600))
"""Input for which the agent `slow` takes two minutes: no test waits for its end."""

TERMINAL = {"completed", "failed", "cancelled"}


def text_message(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": [{"content_type": "text/plain", "content": text}]}


def run_request(agent: str, text: str = "hi", **fields: Any) -> dict[str, Any]:
    """Returns the body of POST /runs."""
    return {"agent_name": agent, "input": [text_message(text)], **fields}


def resume_request(text: str, mode: str = "sync", **fields: Any) -> dict[str, Any]:
    """Returns the body of POST /runs/{run_id}."""
    return {"await_resume": {"type": "message", "message": text_message(text)}, "mode": mode, **fields}


def answer(text: str) -> MessageAwaitResume:
    return MessageAwaitResume(message=Message(parts=[MessagePart(content=text)]))


def types(events: list[Any]) -> list[str]:
    """Returns the types of events, of the client or in JSON."""
    return [event["type"] if isinstance(event, dict) else event.type for event in events]


def texts(run: Run) -> list[str]:
    return [str(message) for message in run.output]


async def collected(stream: AsyncIterator[Event]) -> list[Event]:
    async with aclosing(stream) as events:
        return [event async for event in events]


async def stored(acp: Client, run_id: object) -> list[Event]:
    return await collected(acp.run_events(run_id=run_id))


@asynccontextmanager
async def slow_run(http: httpx.AsyncClient, text: str = LONG, **fields: Any) -> AsyncIterator[dict[str, Any]]:
    """A run that is active until it is cancelled, at the latest at the end of the test."""
    response = await http.post("/runs", json=run_request("slow", text, mode="async", **fields))
    assert response.status_code == 202, response.text
    run = response.json()
    try:
        yield run
    finally:
        await http.post(f"/runs/{run['run_id']}/cancel")


@asynccontextmanager
async def live_events(
    http: httpx.AsyncClient, run_id: str, *, last_event_id: str | None = None
) -> AsyncIterator[AsyncIterator[sse.ServerEvent]]:
    """The run's event stream, read event by event."""
    headers = {"Accept": "text/event-stream"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    async with http.stream("GET", f"/runs/{run_id}/events", headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield stream_events(response)


async def stream_events(response: httpx.Response) -> AsyncIterator[sse.ServerEvent]:
    pending = ""
    async for text in response.aiter_text():
        pending += text
        whole, separator, pending = pending.rpartition("\n\n")
        for event in sse.parse(whole + separator):
            yield event


def assert_error(response: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """Checks that a response is an error with this status and the error object as its body."""
    assert response.status_code == status, f"{response.status_code}: {response.text[:400]}"
    assert response.headers["content-type"].partition(";")[0] == "application/json"
    error = response.json()
    assert isinstance(error["code"], str) and error["code"]
    assert isinstance(error["message"], str) and error["message"]
    assert set(error) <= {"code", "message", "data"}
    if code is not None:
        assert error["code"] == code
    return error


def new_session_id() -> str:
    return str(uuid.uuid4())
