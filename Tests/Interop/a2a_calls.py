# SPDX-License-Identifier: Apache-2.0
"""The published A2A client (a2a-sdk), and a receiver of push notifications."""

import json
import threading
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from a2a.client import ClientConfig, ClientFactory
from a2a.client.client import Client
from a2a.types import a2a_pb2 as a2a

BINDINGS = ("JSONRPC", "HTTP+JSON")
TIMEOUT = 60.0


@asynccontextmanager
async def connected(url: str, agent: str, binding: str = "JSONRPC", *, streaming: bool = True) -> AsyncIterator[Client]:
    """Returns a client of an agent, made from its card."""
    headers = {"A2A-Version": "1.0"}
    async with httpx.AsyncClient(timeout=TIMEOUT, headers=headers) as http:
        config = ClientConfig(httpx_client=http, streaming=streaming, supported_protocol_bindings=[binding])
        yield await ClientFactory(config).create_from_url(f"{url}/a2a/{agent}")


def message(text: str, *, task: str = "", context: str = "", message_id: str | None = None) -> a2a.Message:
    return a2a.Message(
        role=a2a.ROLE_USER,
        message_id=message_id or str(uuid.uuid4()),
        parts=[a2a.Part(text=text)],
        task_id=task,
        context_id=context,
    )


def request(text: str, *, task: str = "", **configuration: Any) -> a2a.SendMessageRequest:
    return a2a.SendMessageRequest(
        message=message(text, task=task), configuration=a2a.SendMessageConfiguration(**configuration)
    )


async def elements(stream: AsyncIterator[a2a.StreamResponse]) -> list[a2a.StreamResponse]:
    return [element async for element in stream]


async def send(client: Client, text: str, *, task: str = "", **configuration: Any) -> a2a.Task:
    """Sends a message, and returns the task of the last element that has one, or the one that is then current."""
    seen = await elements(client.send_message(request(text, task=task, **configuration)))
    if len(seen) == 1 and seen[0].HasField("task"):
        return seen[0].task
    return await client.get_task(a2a.GetTaskRequest(id=task_id(seen)))


def task_id(seen: list[a2a.StreamResponse]) -> str:
    return seen[0].task.id or seen[0].status_update.task_id


def text(task: a2a.Task) -> str:
    """Returns the text of all artifacts."""
    return "\n".join("".join(part.text for part in artifact.parts) for artifact in task.artifacts)


def streamed_text(seen: list[a2a.StreamResponse]) -> str:
    updates = [element.artifact_update for element in seen if element.HasField("artifact_update")]
    return "".join(part.text for update in updates for part in update.artifact.parts)


def states(seen: list[a2a.StreamResponse]) -> list[str]:
    """Returns the states of a stream: of its first task, and of all changes."""
    found = []
    for element in seen:
        if element.HasField("task"):
            found.append(element.task.status.state)
        if element.HasField("status_update"):
            found.append(element.status_update.status.state)
    return [a2a.TaskState.Name(state).removeprefix("TASK_STATE_") for state in found]


class Webhook:
    """Receives push notifications on a free port of the loopback interface."""

    def __init__(self, *, failures: int = 0) -> None:
        """The first `failures` requests get status 503."""
        self.received: list[tuple[dict[str, str], Any]] = []
        self._failures = failures
        self._changed = threading.Condition()
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = webhook._receive(dict(self.headers), json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _receive(self, headers: dict[str, str], body: Any) -> int:
        with self._changed:
            if self._failures > 0:
                self._failures -= 1
                return 503
            self.received.append((headers, body))
            self._changed.notify_all()
            return 200

    def wait_for(self, state: str, task: str, *, deadline: float = 60.0) -> list[Any]:
        """Waits until the task is reported in a state, and returns what was received about it."""

        def bodies() -> list[Any]:
            return [body for _, body in self.received if task in json.dumps(body)]

        def is_reported() -> bool:
            return any(f"TASK_STATE_{state}" in json.dumps(body) for body in bodies())

        with self._changed:
            assert self._changed.wait_for(is_reported, deadline), f"{state} of {task} not received: {self.received}"
            return bodies()

    def __enter__(self) -> "Webhook":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
