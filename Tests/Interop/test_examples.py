# SPDX-License-Identifier: Apache-2.0
"""The programs in Examples/, as their READMEs run them."""

import http.server
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import sse
from acp_sdk.client import Client
from calls import answer, live_events, run_request, types
from free_port import free_port, free_ports
from server_process import START_DEADLINE, STOP_DEADLINE, ServerProcess, binary
from specification import ROOT
from waiting import eventually

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

ADDRESS = re.compile(r"listening on (127\.0\.0\.1:\d+)")


class Example:
    """A program that prints or logs its address when it serves, and ends by SIGTERM."""

    def __init__(self, command: list[str], environment: dict[str, str], address: re.Pattern[str] = ADDRESS) -> None:
        if not Path(command[0]).is_file():
            raise RuntimeError(f"{command[0]} does not exist: build it with 'make build'")
        self._log = tempfile.NamedTemporaryFile(prefix="example-", suffix=".log")
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )
        end = time.monotonic() + START_DEADLINE
        while not (found := address.search(self.output)):
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                self.process.wait()
                raise RuntimeError(f"{command[0]} does not serve; its output:\n{self.output}")
            time.sleep(0.02)
        self.url = f"http://{found.group(1)}"

    @property
    def output(self) -> str:
        return Path(self._log.name).read_text(encoding="utf-8")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_DEADLINE)
        finally:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def example() -> Iterator[Callable[..., Example]]:
    """Starts examples by the names of their products, on free ports."""
    running: list[Example] = []

    def start(name: str, **environment: str) -> Example:
        running.append(Example([str(binary().parent / name)], {"PORT": str(free_port()), **environment}))
        return running[-1]

    yield start
    for program in running:
        assert program.stop() == 0, f"an example did not end cleanly; its output:\n{program.output}"


# A language model


class Model(http.server.BaseHTTPRequestHandler):
    """A stand-in for an endpoint of the chat-completions protocol, which repeats what it hears, a word at a time."""

    requests: list[Any] = []
    credentials: list[str | None] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Model.requests.append(body)
        Model.credentials.append(self.headers["Authorization"])
        if body["messages"][-1]["content"] == "break":
            self.send_error(500, "out of memory at 10.0.0.1")
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in body["messages"][-1]["content"].split():
            # Cut in the middle of a line, as networks do.
            line = b"data: " + json.dumps({"choices": [{"delta": {"content": word + " "}}]}).encode() + b"\r\n\r\n"
            self.wfile.write(line[:9])
            self.wfile.flush()
            self.wfile.write(line[9:])
            self.wfile.flush()
        self.wfile.write(b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n')

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def model() -> Iterator[str]:
    Model.requests.clear()
    Model.credentials.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


async def test_a_model_streams_its_reply_and_the_conversation_continues_in_the_session(
    example: Callable[..., Example], model: str
) -> None:
    chat = example("ChatModel", MODEL_URL=model, MODEL_NAME="parrot", MODEL_API_KEY="secret")
    async with Client(base_url=chat.url) as acp, acp.session() as session:
        events = [event async for event in session.run_stream("hello again", agent="chat")]
        assert types(events).count("message.part") == 2, "every piece of text is an event"
        assert str(events[-1].run.output[0]) == "hello again "
        run = await session.run_sync("more", agent="chat")
        assert str(run.output[0]) == "more "
    assert Model.requests[1]["model"] == "parrot" and Model.requests[1]["stream"] is True
    assert [(message["role"], message["content"].strip()) for message in Model.requests[1]["messages"]] == [
        ("user", "hello again"),
        ("assistant", "hello again"),
        ("user", "more"),
    ]
    assert Model.credentials == ["Bearer secret"] * 2


async def test_a_model_that_fails_fails_the_run_without_internals(
    example: Callable[..., Example], model: str
) -> None:
    chat = example("ChatModel", MODEL_URL=model)
    async with httpx.AsyncClient(base_url=chat.url) as http_client:
        run = (await http_client.post("/runs", json=run_request("chat", "break"))).json()
    assert run["status"] == "failed" and run["error"]["code"] == "model_failed"
    assert "500" in run["error"]["message"] and "10.0.0.1" not in run["error"]["message"]


# A web application


async def test_agents_are_served_beside_the_routes_of_an_application(example: Callable[..., Example]) -> None:
    application = example("Embedded")
    async with httpx.AsyncClient(base_url=application.url) as http_client:
        orders = await http_client.get("/orders", headers={"X-Customer": "Ada"})
        assert orders.text == "Orders of Ada"
        assert (await http_client.get("/agents")).status_code == 404
        assert (await http_client.head("/agents-api/agents")).status_code == 200
    async with Client(base_url=application.url + "/agents-api") as acp, acp.session() as session:
        run = await session.run_sync("Ada", agent="greeter")
        assert str(run.output[0]) == "Hello, Ada!"


# A supervisor


async def test_a_supervisor_delegates_passes_on_questions_and_reports_progress(
    example: Callable[..., Example], own_server: Callable[..., ServerProcess]
) -> None:
    workers = own_server()
    supervisor = example("Supervisor", WORKERS_URL=workers.url)
    async with Client(base_url=supervisor.url) as acp:
        events = [event async for event in acp.run_stream("one two", agent="supervisor")]
        assert types(events)[-1] == "run.awaiting", "the question of a worker is one of the supervisor"
        assert types(events).count("generic") == 2
        run = await acp.run_resume_sync(answer("Grace"), run_id=events[-1].run.run_id)
    text = "".join(str(message) for message in run.output)
    assert "greeter: Hello, one two!" in text and "slow: one two" in text and "questioner: Hello, Grace!" in text


async def test_a_cancelled_supervisor_cancels_its_worker(
    example: Callable[..., Example], own_server: Callable[..., ServerProcess]
) -> None:
    workers = own_server()
    supervisor = example("Supervisor", WORKERS_URL=workers.url)
    async with (
        httpx.AsyncClient(base_url=supervisor.url) as http_client,
        httpx.AsyncClient(base_url=workers.url) as worker_client,
    ):
        run = (await http_client.post("/runs", json=run_request("supervisor", "one"))).json()
        assert run["status"] == "awaiting"
        await http_client.post(f"/runs/{run['run_id']}/cancel")

        async def statuses() -> list[str]:
            return [run["status"] for run in (await worker_client.get("/runs")).json()["runs"]]

        await eventually(statuses, lambda found: found.count("cancelled") == 1, "the worker's run being cancelled")


# Replicas behind a proxy


async def test_replicas_behind_a_proxy_recover_the_runs_of_one_that_is_killed() -> None:
    program = Example(
        [str(ROOT / "Examples" / "Replicas" / "run")],
        {"PORT": str(free_ports(5)), "REPLICA_BIN": str(binary().parent / "Replica")},
        re.compile(r"Serving ACP on http://(127\.0\.0\.1:\d+)"),
    )
    pids = [int(pid) for pid in re.findall(r"process id (\d+)", program.output)]
    assert len(pids) == 3
    try:
        async with httpx.AsyncClient(base_url=program.url, timeout=60) as http_client:
            session = {"session_id": "talk"}
            for call in range(1, 7):
                counted = await http_client.post("/runs", json=run_request("counter", "x", **session))
                assert counted.json()["output"][0]["parts"][0]["content"] == f"Call {call}"
            descriptor = (await http_client.get("/sessions/talk")).json()
            assert descriptor["history"][0].startswith(program.url), "clients are referred to the proxy"

            words = [f"word{number}" for number in range(60)]
            created = await http_client.post("/runs", json=run_request("words", " ".join(words), mode="async"))
            run_id = created.json()["run_id"]
            seen: list[sse.ServerEvent] = []
            async with live_events(http_client, run_id) as stream:
                async for event in stream:
                    seen.append(event)
                    if len(seen) == 10:
                        break
            processes = (await http_client.get("/processes")).json()["processes"]
            assert len(processes) == 3
            # Kills two of three: the owner is among them, or the run goes on undisturbed.
            for pid in pids[:2]:
                os.kill(pid, signal.SIGKILL)
            with anyio.fail_after(60):
                while not seen[-1].json["type"].startswith("run.completed"):
                    try:
                        async with live_events(http_client, run_id, last_event_id=seen[-1].id) as stream:
                            async for event in stream:
                                seen.append(event)
                    except (httpx.HTTPError, AssertionError):
                        await anyio.sleep(0.05)
            assert [event.id for event in seen] == [str(number) for number in range(len(seen))]
            run = (await http_client.get(f"/runs/{run_id}")).json()
            assert "".join(part["content"] for part in run["output"][0]["parts"]).split() == words
            again = await http_client.post("/runs", json=run_request("counter", "x", **session))
            assert again.json()["output"][0]["parts"][0]["content"] == "Call 7"
    finally:
        assert program.stop() == 0, program.output
