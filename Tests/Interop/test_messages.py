# SPDX-License-Identifier: Apache-2.0
"""Messages are returned unchanged: content, timestamps, metadata, unknown keys, artifacts."""

import base64
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest
from acp_sdk.client import Client
from acp_sdk.models import (
    ArtifactEvent,
    CitationMetadata,
    GenericEvent,
    Message,
    MessagePart,
    RunStatus,
    TrajectoryMetadata,
)
from calls import collected, run_request, stored, texts, types


def at(microsecond: int, year: int = 2025) -> datetime:
    return datetime(year, 7, 14, 23, 59, 58, microsecond, tzinfo=timezone.utc)


@pytest.mark.parametrize("microsecond", [0, 1, 10, 100_000, 123_456, 123_457, 499_999, 500_001, 999_999])
@pytest.mark.parametrize("year", [1969, 1970, 2025, 2262])
async def test_timestamps_are_exact_after_a_round_trip(acp: Client, microsecond: int, year: int) -> None:
    message = Message(
        parts=[MessagePart(content="x")],
        created_at=at(microsecond, year),
        completed_at=at(999_999 - microsecond, year),
    )
    run = await acp.run_sync(message, agent="echo")
    again = await acp.run_status(run_id=run.run_id)
    for found in (run.output[0], again.output[0]):
        assert found.created_at == message.created_at
        assert found.completed_at == message.completed_at
    assert (again.created_at, again.finished_at) == (run.created_at, run.finished_at)


@pytest.mark.additions
async def test_timestamps_with_an_offset_mean_the_same_instant(http: httpx.AsyncClient) -> None:
    body = run_request("echo")
    body["input"][0]["created_at"] = "2025-07-14T12:00:00.123456+02:00"
    body["input"][0]["completed_at"] = "2025-07-14T10:00:00.5Z"
    output = (await http.post("/runs", json=body)).json()["output"][0]
    assert datetime.fromisoformat(output["created_at"]) == datetime(
        2025, 7, 14, 10, 0, 0, 123_456, tzinfo=timezone.utc
    )
    assert datetime.fromisoformat(output["completed_at"]) == datetime(
        2025, 7, 14, 10, 0, 0, 500_000, tzinfo=timezone.utc
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Grüße, 世界 👩‍👩‍👧",
        'quotes " and \\ and / and {"json": true}',
        "lines\nand\r\nreturns\rand\ttabs",
        "data: not an event\n\nid: 7\n\n",
        "separators \u2028 \u2029 \u0085 \u000b \u000c",
        "controls \u0000 \u0001 \u001f \u007f",
        "a" * 300_000,
        "é" * 100_000,
    ],
    ids=["empty", "space", "unicode", "json", "lines", "sse", "separators", "controls", "long", "long-unicode"],
)
async def test_text_is_returned_unchanged(acp: Client, text: str) -> None:
    assert texts(await acp.run_sync(text, agent="echo")) == [text]
    events = await collected(acp.run_stream(text, agent="echo"))
    assert events[3].part.content == text
    assert texts(events[-1].run) == [text]
    assert await stored(acp, events[0].run.run_id) == events


async def test_every_field_of_a_part_is_returned(acp: Client) -> None:
    parts = [
        MessagePart(content="plain"),
        MessagePart(content='{"a":1}', content_type="application/json"),
        MessagePart(name="a.bin", content="AAECAw==", content_encoding="base64", content_type="application/x-bin"),
        MessagePart(content_type="image/png", content_url="https://example.com/a.png?b=c&d=%20"),
        MessagePart(content_type="text/plain"),
        MessagePart(
            content="cited",
            metadata=CitationMetadata(start_index=0, end_index=5, url="https://example.com/", title="T"),
        ),
        MessagePart(
            metadata=TrajectoryMetadata(
                message="thinking", tool_name="sum", tool_input={"a": [1, 2.5, None]}, tool_output={"b": {}}
            ),
        ),
        MessagePart(content="more", vendor_key={"nested": [True, "x"]}),
    ]
    run = await acp.run_sync(parts, agent="echo")
    assert run.output[0].parts == parts
    assert (await acp.run_status(run_id=run.run_id)).output[0].parts == parts


@pytest.mark.parametrize(
    "value", [None, True, 0, -1, 1.5, 2**53, "text", [], [1, [2]], {}, {"a": {"b": [None]}}], ids=repr
)
async def test_unknown_keys_of_a_part_are_kept(http: httpx.AsyncClient, value: Any) -> None:
    body = run_request("echo")
    body["input"][0]["parts"][0]["x-vendor"] = value
    part = (await http.post("/runs", json=body)).json()["output"][0]["parts"][0]
    assert part["x-vendor"] == value


async def test_defaults_of_a_part(http: httpx.AsyncClient) -> None:
    body = {"agent_name": "echo", "input": [{"role": "user", "parts": [{"content": "x"}]}]}
    part = (await http.post("/runs", json=body)).json()["output"][0]["parts"][0]
    assert part["content_type"] == "text/plain"
    assert part["content_encoding"] == "plain"


async def test_a_message_without_parts_is_accepted(acp: Client) -> None:
    run = await acp.run_sync(Message(parts=[]), agent="echo")
    assert run.status == RunStatus.COMPLETED
    assert [message.parts for message in run.output] == [[]]
    assert texts(await acp.run_sync(Message(parts=[]), agent="greeter")) == ["Hello, World!"]


async def test_null_is_equivalent_to_absent(http: httpx.AsyncClient) -> None:
    body = {
        "agent_name": "echo",
        "session_id": None,
        "session": None,
        "input": [
            {
                "role": "user",
                "parts": [{"name": None, "content": "x", "content_url": None, "metadata": None}],
                "created_at": None,
                "completed_at": None,
            }
        ],
    }
    response = await http.post("/runs", json=body)
    assert response.status_code == 200, response.text
    assert response.json()["output"][0]["parts"][0]["content"] == "x"


@pytest.mark.parametrize("role", ["user", "agent", "agent/some_Agent-1"])
async def test_every_role_is_accepted(acp: Client, role: str) -> None:
    assert texts(await acp.run_sync(Message(role=role, parts=[MessagePart(content="x")]), agent="echo")) == ["x"]


async def test_artifacts_and_generic_events(acp: Client) -> None:
    events = await collected(acp.run_stream("x", agent="artist"))
    kinds = types(events)
    assert kinds[:6] == ["run.created", "run.in-progress", "message.created", *["message.part"] * 3]
    assert sorted(kinds[6:8]) == ["generic", "message.completed"]
    assert kinds[8:] == ["run.completed"]

    artifacts = [event.part for event in events if isinstance(event, ArtifactEvent)]
    assert [artifact.name for artifact in artifacts] == ["drawing.svg", "pixel.png"]
    drawing, pixel = artifacts
    assert (drawing.content_type, drawing.content_encoding) == ("image/svg+xml", "plain")
    assert drawing.content.startswith("<svg")
    assert (pixel.content_type, pixel.content_encoding) == ("image/png", "base64")
    assert base64.b64decode(pixel.content, validate=True).startswith(b"\x89PNG\r\n\x1a\n")

    (generic,) = [event for event in events if isinstance(event, GenericEvent)]
    assert generic.generic.model_dump()

    run = events[-1].run
    assert [part.name for part in run.output[0].parts] == [None, "drawing.svg", "pixel.png"]
    assert run.output[0].parts[0].content
    assert await stored(acp, run.run_id) == events
