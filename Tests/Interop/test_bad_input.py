# SPDX-License-Identifier: Apache-2.0
"""Invalid input: the exact status, a clear error, and a server that continues to serve."""

import json
import socket
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from acp_sdk.client import Client
from acp_sdk.models import RunStatus
from calls import assert_error, new_session_id, resume_request, run_request, slow_run, text_message
from waiting import run_reaches

additions = pytest.mark.additions

NOT_JSON = [
    pytest.param(b"{", id="open-brace"),
    pytest.param(b"not json", id="words"),
    pytest.param(b'{"agent_name": "echo",}', id="trailing-comma"),
    pytest.param(b'{"agent_name": "echo"} {}', id="two-values"),
    pytest.param(b"", id="nothing"),
    pytest.param(b"null", id="null"),
    pytest.param(b"[]", id="array"),
    pytest.param(b'"text"', id="string"),
    pytest.param(b"17", id="number"),
    pytest.param(b'{"agent_name": "\xff\xfe"}', id="not-utf8", marks=additions),
    pytest.param(b"\x00\x01\x02", id="binary"),
    pytest.param(b"[" * 200_000, id="deep-array", marks=additions),
    pytest.param(b'{"a":' * 200_000, id="deep-object", marks=additions),
]


def changed(path: str, value: Any) -> dict[str, Any]:
    """Returns a valid request to start a run, with one member changed. `...` removes it."""
    body: Any = run_request("echo")
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    target = body
    for step in steps:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return body


PART = "input.0.parts.0"
BAD_RUNS = [
    ("agent_name", ...),
    ("agent_name", 7),
    ("agent_name", None),
    ("input", ...),
    ("input", None),
    ("input", "text"),
    ("input", {}),
    ("input.0", "text"),
    ("input.0", None),
    ("input.0.parts", ...),
    ("input.0.parts", None),
    ("input.0.parts", "text"),
    ("input.0.parts.0", "text"),
    ("input.0.role", "robot"),
    ("input.0.role", ""),
    ("input.0.role", "agent/"),
    ("input.0.role", "agent/a b"),
    ("input.0.role", 1),
    ("input.0.created_at", "yesterday"),
    ("input.0.completed_at", "2025-13-01T00:00:00Z"),
    (f"{PART}.content", 7),
    (f"{PART}.content", {"text": "x"}),
    (f"{PART}.content_type", 7),
    (f"{PART}.content_encoding", "rot13"),
    (f"{PART}.content_url", "https://example.com/both"),
    (f"{PART}.name", 7),
    (f"{PART}.metadata", "text"),
    ("mode", "later"),
    ("mode", "SYNC"),
    ("mode", 1),
    ("session_id", 7),
    ("session_id", "a b"),
    ("session_id", "../x"),
    ("session_id", "é"),
    ("session", "text"),
    ("session", {"id": 7, "history": []}),
    ("session", {"id": str(uuid.UUID(int=1)), "history": "text"}),
]
BAD_RUNS_BEYOND = [
    ("input", []),
    ("session_id", ""),
    ("session_id", "x" * 129),
    ("input.0.created_at", 7),
]
BAD_BASE64 = ["not base64!", "AAA", "AAAA=", "A===", "====", "AAEC\nAwQF", "AA-_"]


@pytest.fixture(autouse=True)
async def still_serving(http: httpx.AsyncClient) -> AsyncIterator[None]:
    yield
    response = await http.post("/runs", json=run_request("echo", "still there"))
    assert response.status_code == 200
    assert response.json()["output"][0]["parts"][0]["content"] == "still there"


@pytest.mark.parametrize("body", NOT_JSON)
async def test_a_run_request_that_is_not_a_json_object(http: httpx.AsyncClient, body: bytes) -> None:
    response = await http.post("/runs", content=body, headers={"Content-Type": "application/json"})
    assert_error(response, 422, "invalid_input")


@pytest.mark.parametrize("body", NOT_JSON)
async def test_a_resume_request_that_is_not_a_json_object(http: httpx.AsyncClient, acp: Client, body: bytes) -> None:
    run = (await http.post("/runs", json=run_request("questioner"))).json()
    response = await http.post(
        f"/runs/{run['run_id']}", content=body, headers={"Content-Type": "application/json"}
    )
    assert_error(response, 422, "invalid_input")
    assert (await acp.run_status(run_id=run["run_id"])).status == RunStatus.AWAITING
    await http.post(f"/runs/{run['run_id']}/cancel")


def described(case: object) -> str:
    return "absent" if case is ... else json.dumps(case)[:40]


@pytest.mark.parametrize(("path", "value"), BAD_RUNS, ids=described)
async def test_a_field_of_a_run_request_is_wrong(http: httpx.AsyncClient, path: str, value: Any) -> None:
    error = assert_error(await http.post("/runs", json=changed(path, value)), 422, "invalid_input")
    names = [step for step in path.split(".") if not step.isdigit()]
    assert any(name in error["message"] for name in names), f"the message names no field: {error['message']}"


@additions
@pytest.mark.parametrize(("path", "value"), BAD_RUNS_BEYOND, ids=described)
async def test_a_field_that_the_reference_accepts_is_wrong(
    http: httpx.AsyncClient, path: str, value: Any
) -> None:
    assert_error(await http.post("/runs", json=changed(path, value)), 422, "invalid_input")


@additions
@pytest.mark.parametrize("content", BAD_BASE64, ids=repr)
async def test_base64_is_checked(http: httpx.AsyncClient, content: str) -> None:
    body = run_request("echo")
    body["input"][0]["parts"] = [{"content_type": "image/png", "content_encoding": "base64", "content": content}]
    error = assert_error(await http.post("/runs", json=body), 422, "invalid_input")
    assert "base64" in error["message"]


@additions
async def test_the_message_contains_the_place_of_the_error(http: httpx.AsyncClient) -> None:
    error = assert_error(await http.post("/runs", json=changed("mode", "later")), 422, "invalid_input")
    assert "mode" in error["message"] and "later" in error["message"]
    error = assert_error(await http.post("/runs", json=changed("input.0.role", "robot")), 422, "invalid_input")
    assert "role" in error["message"] and "robot" in error["message"]
    body = changed(f"{PART}.content_url", "https://example.com/both")
    error = assert_error(await http.post("/runs", json=body), 422, "invalid_input")
    assert "content_url" in error["message"]


async def test_an_unknown_agent_is_not_found(http: httpx.AsyncClient) -> None:
    for mode in ("sync", "async", "stream"):
        error = assert_error(await http.post("/runs", json=run_request("nobody", mode=mode)), 404, "not_found")
        assert "nobody" in error["message"]
    assert_error(await http.get("/agents/nobody"), 404, "not_found")


async def test_an_unknown_run_is_not_found(http: httpx.AsyncClient) -> None:
    run_id = str(uuid.uuid4())
    answers = [
        await http.get(f"/runs/{run_id}"),
        await http.get(f"/runs/{run_id}/events"),
        await http.post(f"/runs/{run_id}/cancel"),
        await http.post(f"/runs/{run_id}", json=resume_request("x")),
    ]
    for response in answers:
        error = assert_error(response, 404, "not_found")
        assert run_id in error["message"]


@additions
async def test_an_unknown_run_has_no_stream_and_cannot_be_deleted(http: httpx.AsyncClient) -> None:
    run_id = str(uuid.uuid4())
    response = await http.get(f"/runs/{run_id}/events", headers={"Accept": "text/event-stream"})
    assert_error(response, 404, "not_found")
    assert_error(await http.delete(f"/runs/{run_id}"), 404, "not_found")


async def test_an_invalid_id_is_rejected(http: httpx.AsyncClient) -> None:
    for run_id in ("not-a-run", "%20", "..%2F..%2Fetc%2Fpasswd", "%00", "x" * 2000):
        response = await http.get(f"/runs/{run_id}")
        assert response.status_code in (404, 422), f"{run_id}: {response.status_code}"
        assert response.json()["code"] in ("not_found", "invalid_input")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("await_resume", ...),
        ("await_resume", None),
        ("await_resume", "text"),
        ("await_resume", {"type": "message"}),
        ("await_resume", {"type": "message", "message": "text"}),
        ("await_resume", {"type": "message", "message": {"role": "user"}}),
        ("await_resume", {"type": "message", "message": {"role": "robot", "parts": []}}),
        (
            "await_resume",
            {"type": "message", "message": {"parts": [{"content": "x", "content_url": "https://example.com/"}]}},
        ),
        ("mode", "later"),
        ("mode", 1),
    ],
    ids=described,
)
async def test_a_field_of_a_resume_request_is_wrong(
    http: httpx.AsyncClient, acp: Client, path: str, value: Any
) -> None:
    run = (await http.post("/runs", json=run_request("questioner"))).json()
    body = resume_request("Ada")
    if value is ...:
        del body[path]
    else:
        body[path] = value
    assert_error(await http.post(f"/runs/{run['run_id']}", json=body), 422, "invalid_input")
    assert (await acp.run_status(run_id=run["run_id"])).status == RunStatus.AWAITING
    response = await http.post(f"/runs/{run['run_id']}", json=resume_request("Ada"))
    assert response.json()["status"] == "completed", "the run can still be answered"


@additions
async def test_a_resume_whose_body_contains_another_run_id(http: httpx.AsyncClient) -> None:
    run = (await http.post("/runs", json=run_request("questioner"))).json()
    body = resume_request("Ada", run_id=str(uuid.uuid4()))
    assert_error(await http.post(f"/runs/{run['run_id']}", json=body), 400, "invalid_input")
    await http.post(f"/runs/{run['run_id']}/cancel")


async def test_a_resume_of_a_run_that_does_not_await_an_answer(http: httpx.AsyncClient) -> None:
    run = (await http.post("/runs", json=run_request("echo"))).json()
    for mode in ("sync", "async", "stream"):
        assert_error(await http.post(f"/runs/{run['run_id']}", json=resume_request("x", mode)), 403)


async def test_a_cancel_of_a_finished_run(http: httpx.AsyncClient) -> None:
    for agent in ("echo", "failer"):
        run = (await http.post("/runs", json=run_request(agent))).json()
        assert_error(await http.post(f"/runs/{run['run_id']}/cancel"), 403)


@additions
async def test_a_request_at_the_wrong_time_is_a_conflict(http: httpx.AsyncClient) -> None:
    run_id = (await http.post("/runs", json=run_request("echo"))).json()["run_id"]
    assert_error(await http.post(f"/runs/{run_id}/cancel"), 403, "conflict")
    assert_error(await http.post(f"/runs/{run_id}", json=resume_request("x")), 403, "conflict")
    async with slow_run(http) as run:
        error = assert_error(await http.delete(f"/runs/{run['run_id']}"), 409, "conflict")
        assert run["run_id"] in error["message"]
        assert (await http.get(f"/runs/{run['run_id']}")).status_code == 200
        assert_error(await http.post(f"/runs/{run['run_id']}", json=resume_request("x")), 403, "conflict")


async def test_a_session_that_contradicts_itself(http: httpx.AsyncClient) -> None:
    body = run_request("echo", session_id=new_session_id(), session={"id": new_session_id(), "history": []})
    assert_error(await http.post("/runs", json=body), 400, "invalid_input")


@additions
@pytest.mark.parametrize("path", ["/agents", "/runs"])
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=-1", "limit=x", "limit=1.5", "limit=", "offset=-1", "offset=x"]
)
async def test_an_invalid_page(http: httpx.AsyncClient, path: str, query: str) -> None:
    error = assert_error(await http.get(f"{path}?{query}"), 422, "invalid_input")
    assert query.partition("=")[0] in error["message"]


@additions
@pytest.mark.parametrize("query", ["limit=0", "limit=x", "offset=-1", "offset=x"])
async def test_an_invalid_page_of_events(http: httpx.AsyncClient, query: str) -> None:
    run_id = (await http.post("/runs", json=run_request("echo"))).json()["run_id"]
    assert_error(await http.get(f"/runs/{run_id}/events?{query}"), 422, "invalid_input")


@additions
@pytest.mark.parametrize("last", ["x", "-1", "1.5", "99999999999999999999999"])
async def test_an_invalid_last_event_id(http: httpx.AsyncClient, last: str) -> None:
    run_id = (await http.post("/runs", json=run_request("echo"))).json()["run_id"]
    headers = {"Accept": "text/event-stream", "Last-Event-ID": last}
    error = assert_error(await http.get(f"/runs/{run_id}/events", headers=headers), 422, "invalid_input")
    assert "Last-Event-ID" in error["message"]


@additions
@pytest.mark.parametrize(
    "query",
    [
        "status=completed",
        "status=nonsense",
        "agent_name=echo&session_id=x",
        "agent_name=echo&status=awaiting",
        "session_id=x&status=awaiting",
        "session_id=a%20b",
    ],
)
async def test_an_invalid_filter_of_runs(http: httpx.AsyncClient, query: str) -> None:
    assert_error(await http.get(f"/runs?{query}"), 422, "invalid_input")


LIMIT = 4 * 1024 * 1024


@additions
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_a_body_over_the_limit(http: httpx.AsyncClient, chunked: bool) -> None:
    body = json.dumps(run_request("echo", "x" * LIMIT)).encode()
    assert len(body) > LIMIT

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    response = await http.post("/runs", content=chunks() if chunked else body)
    assert_error(response, 413, "invalid_input")


@additions
async def test_a_body_just_within_the_limit(http: httpx.AsyncClient) -> None:
    empty = len(json.dumps(run_request("echo", "")))
    response = await http.post("/runs", content=json.dumps(run_request("echo", "x" * (LIMIT - empty))).encode())
    assert response.status_code == 200
    assert len(response.json()["output"][0]["parts"][0]["content"]) == LIMIT - empty


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/runs"), ("DELETE", "/agents/echo"), ("POST", "/ping"), ("GET", "/")]
)
async def test_unsupported_methods_and_paths(http: httpx.AsyncClient, method: str, path: str) -> None:
    response = await http.request(method, path)
    assert response.status_code in (404, 405)
    assert response.json()["message"]


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /ping\r\n",
        b"POST /runs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"POST /runs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /runs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["nonsense", "half-line", "half-body", "bad-chunk", "bad-length", "tls-hello"],
)
def test_a_connection_that_does_not_send_http_and_disconnects(url: str, data: bytes) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        try:
            while connection.recv(65_536):
                pass
        except ConnectionResetError:
            pass


async def test_a_failing_handler_fails_its_run_only(http: httpx.AsyncClient, acp: Client) -> None:
    response = await http.post("/runs", json=run_request("failer"))
    assert response.status_code == 200, "that the agent failed is said by the run"
    assert response.json()["status"] == "failed"
    run = (await http.post("/runs", json=run_request("failer", mode="async"))).json()
    await run_reaches(acp, run["run_id"], RunStatus.FAILED)


async def test_input_of_many_messages(http: httpx.AsyncClient) -> None:
    body = {"agent_name": "echo", "input": [text_message(str(index)) for index in range(50)]}
    run = (await http.post("/runs", json=body)).json()
    assert [message["parts"][0]["content"] for message in run["output"]] == [str(index) for index in range(50)]
