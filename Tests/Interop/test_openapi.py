# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml is correct: every operation responds as documented, and an invalid response is detected."""

import base64
import copy
import json
import uuid
from typing import Any

import httpx
import pytest
from acp_sdk.client import Client
from acp_sdk.models import RunStatus
from calls import resume_request, run_request, slow_run
from openapi_spec_validator import OpenAPIV31SpecValidator
from recording import Record, RecordingTransport
from specification import DOCUMENT, Exchange, Specification
from waiting import run_reaches

NEEDS_ANOTHER_SERVER = {"401", "503"}
"""Statuses of a server with a token, or at its limits. test_lifecycle.py starts such servers."""

NEEDS_A_SLOW_CLIENT = {"408"}
"""Statuses for clients that do not send what they have announced. The Swift tests have such clients."""

ALSO_OF_RUNS = {"resumeRun", "cancelRun"}
"""Operations with status 403 on any server."""


def is_for_principals(exchange: Exchange) -> bool:
    """Whether only a server that knows principals responds in this way. test_access.py starts such servers."""
    return exchange.status == "403" and exchange.operation not in ALSO_OF_RUNS


SESSION_BUSY = Exchange("createRun", "409", "application/json")
"""From a server on which runs of a session must not overlap. test_processes_sessions.py starts such a server."""

RUN = {
    "run_id": "5a1f0f0e-6c1f-4d0c-9f3e-0d6f2a7b8c9d",
    "agent_name": "echo",
    "session_id": "session-123",
    "status": "completed",
    "output": [
        {
            "role": "agent/echo",
            "parts": [{"content_type": "text/plain", "content": "x", "content_encoding": "plain"}],
            "created_at": "2025-07-14T12:00:00.123456Z",
            "completed_at": "2025-07-14T12:00:00.123457Z",
        }
    ],
    "created_at": "2025-07-14T12:00:00.123456Z",
    "finished_at": "2025-07-14T12:00:00.123457Z",
}
EVENT = {"type": "message.part", "part": {"content_type": "text/plain", "content": "x"}}
JSON = {"content-type": "application/json; charset=utf-8", "run-id": RUN["run_id"]}
STREAM = {"content-type": "text/event-stream", "run-id": RUN["run_id"]}


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def with_change(path: str, value: Any) -> bytes:
    """Returns the run with one member changed. `...` removes it."""
    run: Any = copy.deepcopy(RUN)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    target = run
    for step in steps:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return encoded(run)


def test_the_document_is_openapi_3_1(specification: Specification) -> None:
    OpenAPIV31SpecValidator(specification.document).validate()
    assert specification.document["openapi"].startswith("3.1")
    assert "nullable" not in json.dumps(specification.document["components"]), "it means nothing in 3.1"
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0")


def test_valid_responses_are_accepted(specification: Specification) -> None:
    for headers, body in [
        (JSON, encoded(RUN)),
        (JSON, with_change("output.0.completed_at", None)),
        (JSON, with_change("output.0.parts", [])),
        (JSON, with_change("output.0.parts.0.x-vendor", [1])),
        (JSON, with_change("error", {"code": "a_code_of_its_own", "message": "x", "data": None})),
        (STREAM, b"id: 0\ndata: " + encoded(EVENT) + b"\n\n: a comment\n\n"),
    ]:
        exchange, problems = specification.judge("POST", "/runs", 200, headers, body)
        assert problems == []
        assert exchange == Exchange("createRun", "200", headers["content-type"].partition(";")[0])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("run_id", ...),
        ("run_id", "not-a-uuid"),
        ("status", ...),
        ("status", "done"),
        ("status", None),
        ("output", ...),
        ("output", {}),
        ("output.0.role", "robot"),
        ("output.0.created_at", ...),
        ("output.0.completed_at", ...),
        ("output.0.parts.0.content_type", ...),
        ("output.0.parts.0.content_encoding", "rot13"),
        ("output.0.parts.0.content_url", "https://example.com/both"),
        ("output.0.parts.0.metadata", {"kind": "citation", "start_index": "0"}),
        ("created_at", "2025-07-14T12:00:00+02:00"),
        ("created_at", "yesterday"),
        ("created_at", 1752494400),
        ("session_id", "a b"),
        ("agent_name", "no such name"),
        ("error", {"code": "x"}),
        ("error", {"code": "x", "message": "y", "data": "z"}),
        ("await_request", {"type": "message"}),
    ],
    ids=lambda case: "absent" if case is ... else json.dumps(case)[:40],
)
def test_an_invalid_run_is_rejected(specification: Specification, path: str, value: Any) -> None:
    _, problems = specification.judge("POST", "/runs", 200, JSON, with_change(path, value))
    assert problems


@pytest.mark.parametrize(
    ("method", "path", "status", "headers", "body"),
    [
        pytest.param("POST", "/runs", 200, JSON, b"{", id="not-json"),
        pytest.param("POST", "/runs", 200, JSON, b'{"a": NaN}', id="nan"),
        pytest.param("POST", "/runs", 200, {**JSON, "content-type": "text/html"}, b"x", id="media-type"),
        pytest.param("POST", "/runs", 200, {"content-type": "application/json"}, encoded(RUN), id="no-run-id"),
        pytest.param("POST", "/runs", 200, {**JSON, "run-id": "7"}, encoded(RUN), id="wrong-run-id"),
        pytest.param("POST", "/runs", 201, JSON, encoded(RUN), id="undocumented-status"),
        pytest.param("POST", "/runs", 500, JSON, encoded({"code": "server_error", "message": "x"}), id="crash"),
        pytest.param("POST", "/runs", 422, JSON, encoded({"error": {"code": "x", "message": "y"}}), id="wrapped"),
        pytest.param("POST", "/runs", 422, {}, b"", id="error-without-a-body"),
        pytest.param("POST", "/runs", 503, JSON, encoded({"code": "x", "message": "y"}), id="no-retry-after"),
        pytest.param("POST", "/runs", 200, STREAM, b"data: {}\n\n", id="no-event"),
        pytest.param("POST", "/runs", 200, STREAM, b'data: {"type":"run.odd"}\n\n', id="unknown-event"),
        pytest.param(
            "POST", "/runs", 200, STREAM, b"event: x\ndata: " + encoded(EVENT) + b"\n\n", id="event-field"
        ),
        pytest.param("POST", "/runs", 200, STREAM, b"id: x\ndata: " + encoded(EVENT) + b"\n\n", id="event-id"),
        pytest.param("DELETE", "/runs/x", 204, {}, b"x", id="body-of-204"),
        pytest.param("GET", "/runs", 200, JSON, encoded({"runs": [RUN]}), id="no-total"),
        pytest.param("GET", "/agents", 200, JSON, encoded({"agents": [{"name": "echo"}]}), id="bare-manifest"),
        pytest.param("GET", "/nowhere", 200, JSON, b"{}", id="undocumented-path"),
        pytest.param("PATCH", "/runs", 200, JSON, b"{}", id="undocumented-method"),
    ],
)
def test_an_invalid_response_is_rejected(
    specification: Specification, method: str, path: str, status: int, headers: dict[str, str], body: bytes
) -> None:
    _, problems = specification.judge(method, path, status, headers, body)
    assert problems


async def test_an_invalid_response_fails_the_test_that_received_it(specification: Specification) -> None:
    """The recording of the client that all tests use detects the response."""
    def answer(request: httpx.Request) -> httpx.Response:
        body = encoded({"agents": [{"name": "echo"}]})
        return httpx.Response(200, headers={"Content-Type": "application/json"}, stream=httpx.ByteStream(body))

    record = Record(specification)
    transport = RecordingTransport(record, httpx.MockTransport(answer))
    async with httpx.AsyncClient(base_url="http://server", transport=transport) as client:
        await client.get("/agents")
    assert record.violations


@pytest.mark.additions
async def test_every_operation_responds_as_documented(
    http: httpx.AsyncClient, acp: Client, record: Record
) -> None:
    """Calls all documented operations. The record contains invalid responses."""

    async def expect(status: int, method: str, path: str, **arguments: Any) -> Any:
        response = await http.request(method, path, **arguments)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text[:400]}"
        return response.json() if "json" in response.headers.get("content-type", "") else None

    sse = {"Accept": "text/event-stream"}
    nobody = uuid.uuid4()

    for path in ("/ping", "/healthz", "/readyz", "/agents", "/agents/echo", "/runs"):
        await expect(200, "GET", path)
    await expect(422, "GET", "/agents?limit=0")
    await expect(404, "GET", "/agents/nobody")
    await expect(422, "GET", "/runs?limit=0")

    run = await expect(200, "POST", "/runs", json=run_request("counter"))
    await expect(200, "POST", "/runs", json=run_request("artist", mode="stream"))
    await expect(202, "POST", "/runs", json=run_request("echo", mode="async"))
    contradiction = run_request("echo", session_id=str(nobody), session={"id": str(uuid.uuid4()), "history": []})
    await expect(400, "POST", "/runs", json=contradiction)
    await expect(404, "POST", "/runs", json=run_request("nobody"))
    await expect(413, "POST", "/runs", json=run_request("echo", "x" * 4 * 1024 * 1024))
    await expect(415, "POST", "/runs", json={}, headers={"Content-Encoding": "gzip"})
    await expect(417, "POST", "/runs", json={}, headers={"Expect": "something"})
    await expect(422, "POST", "/runs", json={})

    await expect(200, "GET", f"/runs/{run['run_id']}")
    await expect(404, "GET", f"/runs/{nobody}")
    await expect(200, "GET", f"/runs/{run['run_id']}/events")
    await expect(200, "GET", f"/runs/{run['run_id']}/events", headers=sse)
    await expect(404, "GET", f"/runs/{nobody}/events")
    await expect(422, "GET", f"/runs/{run['run_id']}/events?limit=0")

    # Contents that lists of runs leave out: text, and bytes that the message has as Base64.
    for part, media_type in (
        ({"content": "x" * 100_000}, "text/plain"),
        (
            {
                "content": base64.b64encode(bytes(100_000)).decode(),
                "content_encoding": "base64",
                "content_type": "image/png",
            },
            "application/octet-stream",
        ),
    ):
        large = {"agent_name": "echo", "input": [{"role": "user", "parts": [part]}]}
        created = await expect(200, "POST", "/runs", json=large)
        listed = (await expect(200, "GET", "/runs?limit=1"))["runs"][0]
        assert listed["run_id"] == created["run_id"]
        location = listed["output"][0]["parts"][0]["content_url"]
        content = await http.get(location)
        assert content.status_code == 200, content.text
        assert len(content.content) == 100_000 and content.headers["content-type"].startswith(media_type)
        await expect(304, "GET", location, headers={"If-None-Match": content.headers["etag"]})
        contents = f"/runs/{created['run_id']}/contents"
        await expect(404, "GET", f"{contents}/{'0' * 64}")
        await expect(422, "GET", f"{location.partition('?')[0]}?encoding=rot13")

    for mode, status in (("sync", 200), ("stream", 200), ("async", 202)):
        question = await expect(200, "POST", "/runs", json=run_request("questioner"))
        assert question["status"] == "awaiting"
        path = f"/runs/{question['run_id']}"
        await expect(409, "DELETE", path)
        await expect(415, "POST", path, json={}, headers={"Content-Encoding": "gzip"})
        await expect(417, "POST", path, json={}, headers={"Expect": "something"})
        await expect(422, "POST", path, json={})
        await expect(413, "POST", path, json=resume_request("x" * 4 * 1024 * 1024))
        await expect(400, "POST", path, json=resume_request("x", run_id=str(nobody)))
        await expect(status, "POST", path, json=resume_request("Ada", mode))
        await run_reaches(acp, question["run_id"], RunStatus.COMPLETED)
        await expect(403, "POST", path, json=resume_request("Ada", mode))
    await expect(404, "POST", f"/runs/{nobody}", json=resume_request("x"))

    async with slow_run(http) as running:
        await expect(202, "POST", f"/runs/{running['run_id']}/cancel")
        await run_reaches(acp, running["run_id"], RunStatus.CANCELLED)
        await expect(403, "POST", f"/runs/{running['run_id']}/cancel")
    await expect(404, "POST", f"/runs/{nobody}/cancel")

    session = run["session_id"]
    for path in (f"/session/{session}", f"/sessions/{session}", f"/sessions/{session}/history/0"):
        await expect(200, "GET", path)
        await expect(404, "GET", path.replace(session, str(nobody)))
    await expect(200, "GET", f"/sessions/{session}/state")
    await expect(404, "GET", f"/sessions/{nobody}/state")
    for path in (f"/sessions/{session}/history/0", f"/sessions/{session}/state"):
        tag = (await http.get(path)).headers["etag"]
        await expect(304, "GET", path, headers={"If-None-Match": tag})
    page = await expect(200, "GET", f"/sessions/{session}/history?limit=1")
    assert page["total"] == 2 and len(page["history"]) == 1
    await expect(404, "GET", f"/sessions/{nobody}/history")
    await expect(422, "GET", f"/sessions/{session}/history?limit=0")

    processes = (await expect(200, "GET", "/processes"))["processes"]
    assert [process["this"] for process in processes] == [True]

    await expect(204, "DELETE", f"/runs/{run['run_id']}")
    await expect(404, "DELETE", f"/runs/{run['run_id']}")
    await expect(204, "DELETE", f"/sessions/{session}")
    await expect(404, "DELETE", f"/sessions/{session}")

    # Nothing that the document promises was left out: every operation, status and media type.
    promised = {
        exchange
        for exchange in record.specification.exchanges()
        if exchange.status not in NEEDS_ANOTHER_SERVER | NEEDS_A_SLOW_CLIENT | {"default"} and not is_for_principals(exchange)
    }
    missing = promised - record.seen - {
        Exchange("getSessionState", "200", "application/octet-stream"),
        SESSION_BUSY,
    }
    assert not missing, f"never seen: {sorted(missing, key=str)}"
    operations = {operation.id for operation in record.specification.operations}
    assert {exchange.operation for exchange in record.seen} == operations
