# SPDX-License-Identifier: Apache-2.0
"""Requests of the public clients (httpx, acp-sdk, a2a-sdk), each recorded as an operation of the history."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
from a2a.client import ClientConfig, ClientFactory
from a2a.types import a2a_pb2 as a2a
from acp_sdk.client import Client as ACPClient
from acp_sdk.models import Message, MessagePart
from history import OK, REFUSED, UNKNOWN, Operation, Recorder, shorten

TIMEOUT = 10.0
STATES = {
    "SUBMITTED": "created", "WORKING": "in-progress", "INPUT_REQUIRED": "awaiting", "AUTH_REQUIRED": "awaiting",
    "COMPLETED": "completed", "CANCELED": "cancelled", "FAILED": "failed", "REJECTED": "failed",
}  # fmt: skip
KEPT = ("run_id", "agent_name", "session_id", "status", "output", "error", "await_request")


def kept(run: dict[str, Any]) -> dict[str, Any]:
    """The members of a run that the checker reads."""
    return shorten({name: run[name] for name in KEPT if run.get(name) is not None})


def outcome_of(status: int) -> str:
    """What a response says about its request. An error of the server leaves it in doubt."""
    if status < 400:
        return OK
    return REFUSED if status < 500 else UNKNOWN


class Endpoint:
    """The clients of one server, which call it through its proxy."""

    def __init__(self, name: str, url: str, recorder: Recorder) -> None:
        self.name = name
        self.url = url
        self.recorder = recorder
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self.http = await self._stack.enter_async_context(
            httpx.AsyncClient(base_url=self.url, timeout=TIMEOUT, limits=limits, verify=False))
        self.acp = await self._stack.enter_async_context(
            ACPClient(base_url=self.url, timeout=httpx.Timeout(TIMEOUT), verify=False))
        self._a2a: dict[tuple[str, bool], Any] = {}

    async def close(self) -> None:
        await self._stack.aclose()

    async def a2a_client(self, agent: str, is_streaming: bool) -> Any:
        """The published A2A client of an agent, made from its card."""
        if (agent, is_streaming) not in self._a2a:
            http = await self._stack.enter_async_context(
                httpx.AsyncClient(timeout=TIMEOUT, headers={"A2A-Version": "1.0"}, verify=False))
            config = ClientConfig(
                httpx_client=http, streaming=is_streaming, supported_protocol_bindings=["JSONRPC"])
            self._a2a[agent, is_streaming] = await ClientFactory(config).create_from_url(f"{self.url}/a2a/{agent}")
        return self._a2a[agent, is_streaming]

    def begin(self, kind: str, **request: Any) -> Operation:
        return self.recorder.begin(kind, self.name, **request)

    def end(self, operation: Operation, outcome: str, status: int | None = None, **response: Any) -> Operation:
        return self.recorder.end(operation, outcome, status, **response)

    # Single requests

    async def request(self, operation: Operation, method: str, path: str, **options: Any) -> httpx.Response | None:
        """Sends a request. Without a complete response, the operation is in doubt."""
        try:
            response = await self.http.request(method, path, **options)
        except (httpx.HTTPError, OSError) as error:
            self.end(operation, UNKNOWN, None, error=f"{type(error).__name__}: {error}"[:200])
            return None
        if response.status_code >= 400:
            text = response.text[:300]
            self.end(operation, outcome_of(response.status_code), response.status_code, error=text)
            return None
        return response

    async def read_run(self, run: str, kind: str = "run") -> Operation:
        operation = self.begin(kind, run=run)
        if response := await self.request(operation, "GET", f"/runs/{run}"):
            self.end(operation, OK, response.status_code, run=kept(response.json()))
        return operation

    async def read_events(self, run: str, kind: str = "events") -> Operation:
        operation = self.begin(kind, run=run)
        if response := await self.request(operation, "GET", f"/runs/{run}/events"):
            events = response.json()["events"]
            seen = [{"id": place, "event": brief(event)} for place, event in enumerate(events)]
            self.end(operation, OK, response.status_code, events=seen, total=len(events))
        return operation

    async def read_list(self, kind: str = "list", **query: Any) -> Operation:
        """Reads the newest runs; with the kinds `final-list` and `settling-all`, all pages."""
        operation = self.begin(kind, **query)
        runs: list[dict[str, Any]] = []
        offset = 0
        while True:
            parameters = {"limit": 200, "offset": offset, **query}
            response = await self.request(operation, "GET", "/runs", params=parameters)
            if response is None:
                return operation
            page = response.json()
            runs += [kept(run) for run in page["runs"]]
            offset = page.get("next_offset") or offset + len(page["runs"])
            if kind not in ("final-list", "settling-all") or not page["runs"] or offset >= page["total"]:
                return self.end(operation, OK, response.status_code, runs=runs, total=page["total"])

    async def read_state(self, session: str, kind: str = "state") -> Operation:
        operation = self.begin(kind, session=session)
        response = await self.request(operation, "GET", f"/sessions/{session}/state")
        if response is not None:
            self.end(operation, OK, response.status_code, state=response.json()["value"])
        elif operation.status == 404:
            self.end(operation, OK, 404, state=None)
        return operation

    async def read_history(self, session: str, kind: str = "history") -> Operation:
        operation = self.begin(kind, session=session)
        messages: list[dict[str, Any]] = []
        while True:
            response = await self.request(
                operation, "GET", f"/sessions/{session}/history", params={"limit": 200, "offset": len(messages)})
            if response is None:
                if operation.status == 404:
                    self.end(operation, OK, 404, messages=[])
                return operation
            page = response.json()
            for entry in page["history"]:
                message = entry.get("message") or {"role": "link", "parts": [{"content": entry["url"]}]}
                parts = [{"content": shorten(part.get("content"))} for part in message["parts"]]
                messages.append({"role": message["role"], "parts": parts})
            if len(messages) >= page["total"] or not page["history"]:
                return self.end(operation, OK, 200, messages=messages)

    async def cancel(self, run: str) -> Operation:
        operation = self.begin("cancel", run=run)
        if response := await self.request(operation, "POST", f"/runs/{run}/cancel"):
            self.end(operation, OK, response.status_code, run=kept(response.json()))
        return operation

    async def delete_run(self, run: str) -> Operation:
        operation = self.begin("delete", run=run)
        if response := await self.request(operation, "DELETE", f"/runs/{run}"):
            self.end(operation, OK, response.status_code)
        return operation

    async def delete_session(self, session: str) -> Operation:
        operation = self.begin("delete-session", session=session)
        if response := await self.request(operation, "DELETE", f"/sessions/{session}"):
            self.end(operation, OK, response.status_code)
        return operation

    # Streams

    async def follow(self, run: str, after: int, follower: int) -> Operation:
        """Follows a run from the event after an index on, until the stream ends or the connection is cut."""
        operation = self.begin("follow", run=run, after=after, follower=follower)
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": str(after)} if after >= 0 else {})
        return await self.stream(operation, "GET", f"/runs/{run}/events", headers=headers)

    async def stream(self, operation: Operation, method: str, path: str, **options: Any) -> Operation:
        seen = operation.response.setdefault("events", [])
        try:
            async with self.http.stream(method, path, **options) as response:
                if response.status_code >= 400:
                    error = (await response.aread()).decode("utf-8", "replace")[:300]
                    return self.end(operation, outcome_of(response.status_code), response.status_code, error=error)
                operation.status = response.status_code
                # The run exists from now on, whatever becomes of the connection.
                operation.outcome = OK
                if id := response.headers.get("run-id"):
                    operation.response["run_id"] = id
                async for id, event in server_events(response):
                    if id is None:
                        operation.response["error"] = shorten(event)
                        continue
                    seen.append({"id": id, "at": self.recorder.now(), "event": brief(event)})
                    if "run_id" not in operation.response and "run" in event:
                        operation.response["run_id"] = event["run"]["run_id"]
        except (httpx.HTTPError, OSError) as error:
            operation.response["error"] = f"{type(error).__name__}: {error}"[:200]
        if operation.kind == "create" and "run_id" not in operation.response:
            operation.outcome = UNKNOWN
        return self.end(operation, operation.outcome, operation.status)

    # Creating and answering

    async def create(self, operation: Operation) -> Operation:
        """Sends the request that an operation describes. Its run, if it is known afterwards, is `run_id` of the response."""
        request = operation.request
        text = json.dumps(request["order"], separators=(",", ":"))
        if request["protocol"] == "a2a":
            return await self._create_over_a2a(operation, text)
        if request["protocol"] == "acp-sdk":
            return await self._create_by_sdk(operation, text)
        body = {"agent_name": request["agent"], "input": [text_message(text)], "mode": request["mode"]}
        if request.get("session"):
            body["session_id"] = request["session"]
        headers = {"Idempotency-Key": request["key"]} if request.get("key") else {}
        if request["mode"] == "stream":
            return await self.stream(operation, "POST", "/runs", json=body, headers=headers)
        if response := await self.request(operation, "POST", "/runs", json=body, headers=headers):
            run = response.json()
            self.end(operation, OK, response.status_code, run_id=run["run_id"], run=kept(run))
        return operation

    async def _create_by_sdk(self, operation: Operation, text: str) -> Operation:
        message = Message(role="user", parts=[MessagePart(content=text)])
        method = self.acp.run_sync if operation.request["mode"] == "sync" else self.acp.run_async
        try:
            run = (await method(message, agent=operation.request["agent"])).model_dump(mode="json")
        except Exception as error:  # The client passes on errors of several libraries.
            return self.end(operation, UNKNOWN, None, error=f"{type(error).__name__}: {error}"[:200])
        return self.end(operation, OK, 200, run_id=run["run_id"], run=kept(run))

    async def _create_over_a2a(self, operation: Operation, text: str) -> Operation:
        message = a2a.Message(
            role=a2a.ROLE_USER, message_id=str(uuid.uuid4()), parts=[a2a.Part(text=text)],
            context_id=operation.request["session"])  # fmt: skip
        configuration = a2a.SendMessageConfiguration(return_immediately=operation.request["mode"] == "async")
        request = a2a.SendMessageRequest(message=message, configuration=configuration)
        try:
            client = await self.a2a_client(operation.request["agent"], operation.request["mode"] == "stream")
            async for element in client.send_message(request):
                self._note(operation, element)
        except Exception as error:  # The client passes on errors of several libraries.
            operation.response["error"] = f"{type(error).__name__}: {error}"[:200]
        return self.end(operation, OK if "run_id" in operation.response else UNKNOWN)

    def _note(self, operation: Operation, element: a2a.StreamResponse) -> None:
        """Records what an element says about its task."""
        if element.HasField("task"):
            id, state = element.task.id, element.task.status.state
        elif element.HasField("status_update"):
            id, state = element.status_update.task_id, element.status_update.status.state
        else:
            return
        self._note_task(operation, id, state)

    def _note_task(self, operation: Operation, id: str, state: int) -> None:
        status = STATES[a2a.TaskState.Name(state).removeprefix("TASK_STATE_")]
        operation.response["run_id"] = id
        operation.response["run"] = {"run_id": id, "status": status, "omitted": True}

    async def read_task(self, run: str, agent: str) -> Operation:
        operation = self.begin("run", run=run, protocol="a2a")
        try:
            task = await (await self.a2a_client(agent, False)).get_task(a2a.GetTaskRequest(id=run))
        except Exception as error:  # The client passes on errors of several libraries.
            return self.end(operation, UNKNOWN, None, error=f"{type(error).__name__}: {error}"[:200])
        self._note_task(operation, task.id, task.status.state)
        return self.end(operation, OK, 200)

    async def answer(self, run: str, text: str, mode: str) -> Operation:
        operation = self.begin("answer", run=run, text=text, mode=mode)
        body = {"await_resume": {"type": "message", "message": text_message(text)}, "mode": mode}
        if mode == "stream":
            return await self.stream(operation, "POST", f"/runs/{run}", json=body)
        if response := await self.request(operation, "POST", f"/runs/{run}", json=body):
            self.end(operation, OK, response.status_code, run=kept(response.json()))
        return operation


def text_message(text: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"content_type": "text/plain", "content": text}]}


def brief(event: dict[str, Any]) -> dict[str, Any]:
    """An event with its long texts shortened."""
    return shorten(event)


async def server_events(response: httpx.Response) -> AsyncIterator[tuple[int | None, dict[str, Any]]]:
    """The events of a stream with their ids. An event of which a part is missing at the end is dropped."""
    (id, data) = (None, "")
    pending = ""
    async for text in response.aiter_text():
        pending += text
        *lines, pending = pending.split("\n")
        for line in lines:
            line = line.rstrip("\r")
            if not line:
                if data:
                    yield (int(id) if id is not None else None), json.loads(data)
                (id, data) = (None, "")
            elif line.startswith("id:"):
                id = line[3:].strip()
            elif line.startswith("data:"):
                data += line[5:].strip()
