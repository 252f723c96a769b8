# SPDX-License-Identifier: Apache-2.0
"""Several `acp serve` on one Redis (or what ACP_TEST_STORAGE says: redis, postgres), ended, killed and stopped as tests need it, and called as one service."""

import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio
import httpx
import run_log
import sse
from calls import TERMINAL, resume_request, run_request
from postgres_process import PostgresProcess
from redis_process import RedisProcess
from server_process import ServerProcess

Report = Callable[[str], None]
"""The fixture of this name: keeps a figure, which is printed when all tests have run."""

STORAGES = {"redis": RedisProcess, "postgres": PostgresProcess}

DEADLINE = 120.0
"""Nothing that a test waits for takes this long, on a busy machine either."""


class Server(ServerProcess):
    """One of several servers, which can be treated badly."""

    def kill(self) -> None:
        """As a crash does it: nothing is said to anybody."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def freeze(self) -> None:
        """As a suspended machine does it: connections stay open, nothing happens."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def count(self, text: str) -> int:
        """How often the server has logged something."""
        size = self._log.seek(0, os.SEEK_END)
        return os.pread(self._log.fileno(), size, 0).count(text.encode())


class Fleet:
    """A storage of its own and servers on it, all with the same options. Ends with everything that it has started."""

    def __init__(self, *options: str, lease: float = 3) -> None:
        self.lease = lease
        self._options = (*options, "--lease", str(lease))
        self._servers: list[Server] = []
        self._clients = AsyncExitStack()
        self.storage = STORAGES[os.environ.get("ACP_TEST_STORAGE", "redis")]()

    async def start(self, *options: str) -> "Member":
        """Starts one more server."""
        server = await anyio.to_thread.run_sync(
            lambda: Server("--storage", self.storage.url, *self._options, *options)
        )
        self._servers.append(server)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
        client = httpx.AsyncClient(base_url=server.url, timeout=DEADLINE, limits=limits)
        await self._clients.enter_async_context(client)
        return Member(server, client, await self._process_id(client))

    async def _process_id(self, client: httpx.AsyncClient) -> str:
        """The id of a server's process, which is listed while its heartbeat is recent."""
        with anyio.fail_after(DEADLINE):
            while True:
                for process in (await client.get("/processes")).json()["processes"]:
                    if process["this"]:
                        return process["process_id"]
                await anyio.sleep(0.05)

    async def __aenter__(self) -> "Fleet":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._clients.aclose()
        for server in self._servers:
            server.kill()
        self.storage.stop()


class Member:
    """A server and a client of it."""

    def __init__(self, server: Server, http: httpx.AsyncClient, process_id: str) -> None:
        self.server = server
        self.http = http
        self.process_id = process_id

    async def run(self, run_id: str) -> Any:
        return await self._json(f"/runs/{run_id}")

    async def events(self, run_id: str) -> list[Any]:
        return (await self._json(f"/runs/{run_id}/events"))["events"]

    async def count(self, status: str) -> int:
        """How many runs have this status."""
        return (await self._json(f"/runs?status={status}&limit=1"))["total"]

    async def processes(self) -> dict[str, Any]:
        """The processes that this server knows of, by their ids."""
        return {one["process_id"]: one for one in (await self._json("/processes"))["processes"]}

    async def history(self, session_id: str) -> list[str]:
        """What was said in a session."""
        urls = (await self._json(f"/sessions/{session_id}"))["history"]
        texts = []
        for url in urls:
            message = await self._json(httpx.URL(url).path)
            texts.append("".join(part["content"] for part in message["parts"]))
        return texts

    async def _json(self, path: str) -> Any:
        response = await self.http.get(path)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text}"
        return response.json()


async def ask(
    members: list[Member], method: str, path: str, *, patience: float = DEADLINE, **fields: Any
) -> tuple[httpx.Response, Member]:
    """The first answer that is none of a server that is away or about to go, and who gave it."""
    end = time.monotonic() + DEADLINE
    while True:
        for member in members:
            try:
                response = await member.http.request(method, path, timeout=patience, **fields)
            except httpx.TransportError:
                continue
            if response.status_code < 500:
                return response, member
        assert time.monotonic() < end, f"no server answered {method} {path} within {DEADLINE:.0f} s"
        await anyio.sleep(0.05)


async def follow(members: list[Member], run_id: str, *, patience: float) -> list[sse.ServerEvent]:
    """A run's events up to its end, from one server after the other: whenever one falls silent, from the next."""
    seen: list[sse.ServerEvent] = []
    deadline = time.monotonic() + DEADLINE
    turn = 0
    while time.monotonic() < deadline:
        member = members[turn % len(members)]
        turn += 1
        try:
            async for event in events_after(member, run_id, seen[-1].id if seen else None, patience=patience):
                seen.append(event)
                if event.json["type"].removeprefix("run.") in TERMINAL:
                    return seen
        except httpx.TransportError:
            await anyio.sleep(0.05)
    raise AssertionError(f"run {run_id} did not end within {DEADLINE:.0f} s; the last event: {seen[-1:]}")


async def events_after(
    member: Member, run_id: str, last: str | None, *, patience: float = DEADLINE
) -> AsyncIterator[sse.ServerEvent]:
    """A live stream that begins behind an event."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last is not None else {})
    async with member.http.stream("GET", f"/runs/{run_id}/events", headers=headers, timeout=patience) as response:
        if response.status_code != 200:
            raise httpx.RemoteProtocolError(f"status {response.status_code}")
        pending = ""
        async for text in response.aiter_text():
            whole, separator, pending = (pending + text).rpartition("\n\n")
            for event in sse.parse(whole + separator):
                # An event without an id is a server's goodbye, and none of the run's.
                if event.id is not None:
                    yield event


async def until(probe: Any, what: str, deadline: float = DEADLINE) -> Any:
    """Waits for `probe` to give something true, and gives it back."""
    end = time.monotonic() + deadline
    while True:
        value = await probe()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {deadline:.0f} s"
        await anyio.sleep(0.05)


async def create(member: Member, agent: str, text: str = "hi", mode: str = "async", **fields: Any) -> str:
    response = await member.http.post("/runs", json=run_request(agent, text, mode=mode, **fields))
    assert response.status_code in (200, 202), response.text
    return response.json()["run_id"]


async def answered(member: Member, run_id: str, text: str, mode: str = "sync") -> Any:
    response = await member.http.post(f"/runs/{run_id}", json=resume_request(text, mode))
    assert response.status_code in (200, 202), response.text
    return response.json()


async def reaches(member: Member, run_id: str, *statuses: str) -> Any:
    async def probe() -> Any:
        run = await member.run(run_id)
        return run if run["status"] in statuses else None

    return await until(probe, f"run {run_id} becoming {' or '.join(statuses)}")


async def each(items: Any, step: Callable[..., Any], *, width: int = 40) -> list[Any]:
    """The results of a step for all items, some at the same time."""
    limiter = anyio.CapacityLimiter(width)
    results: dict[int, Any] = {}

    async def one(index: int, item: Any) -> None:
        async with limiter:
            results[index] = await step(item)

    async with anyio.create_task_group() as group:
        for index, item in enumerate(items):
            group.start_soon(one, index, item)
    return [results[index] for index in sorted(results)]


async def has_said(member: Member, run_id: str, parts: int) -> Any:
    async def probe() -> bool:
        return [event["type"] for event in await member.events(run_id)].count("message.part") >= parts

    return await until(probe, f"run {run_id} saying {parts} parts")


async def checked(member: Member, run_id: str) -> Any:
    run = await member.run(run_id)
    run_log.check(run, await member.events(run_id))
    return run
