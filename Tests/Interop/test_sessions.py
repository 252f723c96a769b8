# SPDX-License-Identifier: Apache-2.0
"""Sessions: state and history across runs, and forwarded descriptors."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest
from acp_sdk.client import Client
from acp_sdk.models import Message, MessagePart, RunStatus
from calls import assert_error, new_session_id, resume_request, run_request, slow_run, texts
from waiting import run_reaches


async def history(loader: httpx.AsyncClient, urls: list[Any]) -> list[Message]:
    messages = []
    for url in urls:
        response = await loader.get(str(url))
        assert response.status_code == 200, f"{url}: {response.status_code}"
        messages.append(Message.model_validate_json(response.content))
    return messages


async def test_a_session_keeps_state_and_history(acp: Client, loader: httpx.AsyncClient) -> None:
    async with acp.session() as session:
        for count in (1, 2, 3):
            run = await session.run_sync(f"call {count}", agent="counter")
            assert texts(run) == [f"Count: {count}"]
        described = await session.refresh_session()
    assert described.id == run.session_id
    messages = await history(loader, described.history)
    assert [str(message) for message in messages] == [
        "call 1",
        "Count: 1",
        "call 2",
        "Count: 2",
        "call 3",
        "Count: 3",
    ]
    assert [message.role for message in messages] == ["user", "agent/counter"] * 3
    assert messages[-1] == run.output[0]
    state = await loader.get(str(described.state))
    assert state.status_code == 200
    assert json.loads(state.content) == 3


async def test_the_client_loads_history_and_state_itself(acp: Client) -> None:
    async with acp.session() as session:
        await session.run_sync("x", agent="counter")
        described = await session.refresh_session()
        messages = [str(message) async for message in described.load_history()]
        assert messages == ["x", "Count: 1"]
        assert json.loads(await described.load_state()) == 1


async def test_history_keeps_messages_exactly(acp: Client, loader: httpx.AsyncClient) -> None:
    message = Message(parts=[MessagePart(content="x", vendor_key=[1]), MessagePart(name="a", content="b")])
    async with acp.session() as session:
        run = await session.run_sync(message, agent="echo")
        described = await session.refresh_session()
    first, second = await history(loader, described.history)
    assert first == message
    assert second.parts == run.output[0].parts


async def test_sessions_do_not_mix(acp: Client) -> None:
    async with acp.session() as one, acp.session() as other:
        assert texts(await one.run_sync("x", agent="counter")) == ["Count: 1"]
        assert texts(await other.run_sync("x", agent="counter")) == ["Count: 1"]
        assert texts(await one.run_sync("x", agent="counter")) == ["Count: 2"]


async def test_a_session_spans_agents_and_modes(acp: Client, loader: httpx.AsyncClient) -> None:
    async with acp.session() as session:
        await session.run_sync("a", agent="echo")
        async for _ in session.run_stream("b", agent="greeter"):
            pass
        run = await session.run_async("c", agent="counter")
        await run_reaches(acp, run.run_id, RunStatus.COMPLETED)
        described = await session.refresh_session()
    messages = await history(loader, described.history)
    assert [str(message) for message in messages] == ["a", "a", "b", "Hello, b!", "c", "Count: 1"]


async def test_a_run_without_a_session_gets_one_to_continue(acp: Client, http: httpx.AsyncClient) -> None:
    run = await acp.run_sync("x", agent="counter")
    response = await http.post("/runs", json=run_request("counter", session_id=str(run.session_id)))
    assert response.json()["session_id"] == str(run.session_id)
    assert response.json()["output"][0]["parts"][0]["content"] == "Count: 2"


async def test_an_unknown_session_is_not_found(http: httpx.AsyncClient) -> None:
    assert_error(await http.get(f"/sessions/{new_session_id()}"), 404, "not_found")


async def test_an_unknown_session_id_creates_a_session(http: httpx.AsyncClient) -> None:
    session_id = new_session_id()
    response = await http.post("/runs", json=run_request("counter", session_id=session_id))
    assert response.json()["session_id"] == session_id
    described = (await http.get(f"/sessions/{session_id}")).json()
    assert described["id"] == session_id
    assert len(described["history"]) == 2


@pytest.fixture
def foreign_server() -> Iterator[str]:
    """Another server, which stores one message of a session."""
    message = Message(role="agent/elsewhere", parts=[MessagePart(content="from elsewhere")])

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = message.model_dump_json().encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_descriptor_of_another_server_is_continued(
    http: httpx.AsyncClient, loader: httpx.AsyncClient, foreign_server: str
) -> None:
    session_id = new_session_id()
    foreign = [f"{foreign_server}/messages/1", f"{foreign_server}/messages/2"]
    descriptor = {"id": session_id, "history": foreign, "state": None}
    run = (await http.post("/runs", json=run_request("echo", "here", session=descriptor))).json()
    assert run["session_id"] == session_id
    described = (await http.get(f"/sessions/{session_id}")).json()
    assert described["history"][:2] == foreign
    messages = await history(loader, described["history"])
    assert [str(message) for message in messages] == ["from elsewhere", "from elsewhere", "here", "here"]


async def test_session_id_and_descriptor_must_agree(http: httpx.AsyncClient) -> None:
    body = run_request("echo", session_id=new_session_id(), session={"id": new_session_id(), "history": []})
    assert_error(await http.post("/runs", json=body), 400, "invalid_input")


async def test_session_id_and_descriptor_can_agree(http: httpx.AsyncClient) -> None:
    session_id = new_session_id()
    body = run_request("echo", session_id=session_id, session={"id": session_id, "history": []})
    response = await http.post("/runs", json=body)
    assert response.status_code == 200, response.text
    assert response.json()["session_id"] == session_id


@pytest.mark.additions
async def test_history_has_the_agent_as_role(acp: Client, loader: httpx.AsyncClient) -> None:
    async with acp.session() as session:
        run = await session.run_sync("x", agent="echo")
        described = await session.refresh_session()
    assert (await history(loader, described.history))[1] == run.output[0]


@pytest.mark.additions
@pytest.mark.parametrize("name", ["session-123", "a", "A.b_c~d-0", "x" * 128])
async def test_session_ids_are_opaque(http: httpx.AsyncClient, name: str) -> None:
    session_id = name if len(name) == 128 else f"{name}{new_session_id()}"
    for count in (1, 2):
        run = (await http.post("/runs", json=run_request("counter", session_id=session_id))).json()
        assert run["session_id"] == session_id
    described = (await http.get(f"/sessions/{session_id}")).json()
    assert described["id"] == session_id
    response = await http.get(described["history"][1])
    assert response.json()["parts"][0]["content"].startswith("Count: ")
    assert (await http.delete(f"/sessions/{session_id}")).status_code == 204


@pytest.mark.additions
async def test_both_paths_of_a_session_return_the_same(http: httpx.AsyncClient) -> None:
    session_id = (await http.post("/runs", json=run_request("counter"))).json()["session_id"]
    plural, singular = await http.get(f"/sessions/{session_id}"), await http.get(f"/session/{session_id}")
    assert plural.status_code == singular.status_code == 200
    assert plural.json() == singular.json()


def without_query(url: str) -> str:
    return url.partition("?")[0]


@pytest.mark.additions
async def test_history_and_state_are_addressed_by_index(http: httpx.AsyncClient, url: str) -> None:
    session_id = (await http.post("/runs", json=run_request("counter", "x"))).json()["session_id"]
    described = (await http.get(f"/sessions/{session_id}")).json()
    assert [without_query(entry) for entry in described["history"]] == [f"{url}/sessions/{session_id}/history/{index}" for index in range(2)]
    assert described["state"].startswith(f"{url}/sessions/{session_id}/state?v=")
    assert (await http.get(described["history"][0])).json()["parts"][0]["content"] == "x"
    assert (await http.get(described["state"])).json() == 1
    assert_error(await http.get(f"/sessions/{session_id}/history/2"), 404, "not_found")


@pytest.mark.additions
async def test_a_session_without_state_has_no_state_url(http: httpx.AsyncClient) -> None:
    session_id = (await http.post("/runs", json=run_request("echo"))).json()["session_id"]
    described = (await http.get(f"/sessions/{session_id}")).json()
    assert described.get("state") is None
    assert_error(await http.get(f"/sessions/{session_id}/state"), 404, "not_found")


@pytest.mark.additions
async def test_concurrent_runs_each_append_their_own_block(http: httpx.AsyncClient) -> None:
    session_id = new_session_id()

    async def one(index: int) -> None:
        response = await http.post("/runs", json=run_request("echo", f"text {index}", session_id=session_id))
        assert response.status_code == 200

    async with anyio.create_task_group() as group:
        for index in range(16):
            group.start_soon(one, index)
    described = (await http.get(f"/sessions/{session_id}")).json()
    contents = [(await http.get(url)).json()["parts"][0]["content"] for url in described["history"]]
    assert contents[0::2] == contents[1::2], "the input and the output of a run stand together"
    assert sorted(contents[0::2]) == sorted(f"text {index}" for index in range(16))


@pytest.mark.additions
async def test_only_completed_runs_leave_history(acp: Client, http: httpx.AsyncClient) -> None:
    session_id = new_session_id()
    await http.post("/runs", json=run_request("failer", session_id=session_id))
    async with slow_run(http, session_id=session_id) as run:
        await acp.run_cancel(run_id=run["run_id"])
        await run_reaches(acp, run["run_id"], RunStatus.CANCELLED)
    assert (await http.get(f"/sessions/{session_id}")).json()["history"] == []
    run_id = (await http.post("/runs", json=run_request("questioner", "q", session_id=session_id))).json()["run_id"]
    await http.post(f"/runs/{run_id}", json=resume_request("Ada"))
    described = (await http.get(f"/sessions/{session_id}")).json()
    contents = [(await http.get(url)).json()["parts"][0]["content"] for url in described["history"]]
    assert contents[0] == "q"
    assert contents[-1] == "Hello, Ada!"


@pytest.mark.additions
async def test_a_deleted_session_is_gone(http: httpx.AsyncClient) -> None:
    session_id = (await http.post("/runs", json=run_request("counter"))).json()["session_id"]
    assert (await http.delete(f"/sessions/{session_id}")).status_code == 204
    for path in ("", "/history/0", "/state"):
        assert_error(await http.get(f"/sessions/{session_id}{path}"), 404, "not_found")
    assert_error(await http.delete(f"/sessions/{session_id}"), 404, "not_found")
    run = (await http.post("/runs", json=run_request("counter", session_id=session_id))).json()
    assert run["output"][0]["parts"][0]["content"] == "Count: 1"
