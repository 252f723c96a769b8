# SPDX-License-Identifier: Apache-2.0
"""Several `acp serve` on one storage (ACP_TEST_STORAGE: redis, postgres), killed, stopped and called as one service."""

import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
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
"""The fixture of this name: stores a figure, which is printed when all tests have run."""

STORAGES = {"redis": RedisProcess, "postgres": PostgresProcess}

DEADLINE = 120.0
"""The timeout of all waiting, which is not reached even on a busy machine."""


def state(stat: Path) -> str:
    """The state of a thread, of which the file is given. A thread that has ended counts as stopped."""
    try:
        text = stat.read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return "T"
    return text.rpartition(") ")[2][:1]


class Server(ServerProcess):
    """One of several servers, which tests kill and stop."""

    def kill(self) -> None:
        """Kills the server, as in a crash."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def freeze(self) -> None:
        """Stops the server, as on a suspended machine: connections remain open."""
        self._process.send_signal(signal.SIGSTOP)
        # The threads stop one after the other. Until all have stopped, the server responds.
        deadline = time.monotonic() + DEADLINE
        while any(state(path) != "T" for path in Path(f"/proc/{self.pid}/task").glob("*/stat")):
            assert time.monotonic() < deadline, "the server does not stop"
            time.sleep(0.001)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def count(self, text: str) -> int:
        """Returns how often the server has logged a message."""
        size = self._log.seek(0, os.SEEK_END)
        return os.pread(self._log.fileno(), size, 0).count(text.encode())


class Fleet:
    """A storage and servers on it with the same options. They are ended together."""

    def __init__(self, *options: str, lease: float = 3, storage: str | None = None) -> None:
        self.lease = lease
        self._options = (*options, "--lease", str(lease))
        self._servers: list[Server] = []
        self._clients = AsyncExitStack()
        self.storage = STORAGES[storage or os.environ.get("ACP_TEST_STORAGE", "redis")]()

    async def start(self, *options: str, program: Path | None = None) -> "Member":
        """Starts another server, of another version if `program` is set."""
        server = await anyio.to_thread.run_sync(
            lambda: Server("--storage", self.storage.url, *self._options, *options, program=program)
        )
        self._servers.append(server)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
        client = httpx.AsyncClient(base_url=server.url, timeout=DEADLINE, limits=limits)
        await self._clients.enter_async_context(client)
        return Member(server, client, await self._process_id(client))

    async def _process_id(self, client: httpx.AsyncClient) -> str:
        """Returns the id of a server's process, which is listed while its heartbeat has not expired."""
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
        """Returns the number of runs with a status."""
        return (await self._json(f"/runs?status={status}&limit=1"))["total"]

    async def processes(self) -> dict[str, Any]:
        """Returns the processes that this server lists, by id."""
        return {one["process_id"]: one for one in (await self._json("/processes"))["processes"]}

    async def history(self, session_id: str) -> list[str]:
        """Returns the messages of a session."""
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
    """Returns the first response of a server that is available, and the server."""
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
    """Returns a run's events up to its end. If a server does not respond, the next one is used."""
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
    """Opens a stream that begins after an event."""
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


async def until(probe: Any, what: str, deadline: float = DEADLINE, of: Member | None = None) -> Any:
    """Waits until `probe` returns a true value, and returns it. If it does not, the log of a server is shown."""
    end = time.monotonic() + deadline
    while True:
        value = await probe()
        if value:
            return value
        log = f"; its log:\n{of.server.log()}" if of else ""
        assert time.monotonic() < end, f"{what}: not within {deadline:.0f} s{log}"
        await anyio.sleep(0.05)


async def create(member: Member, agent: str, text: str = "hi", mode: str = "async", **fields: Any) -> str:
    response = await member.http.post("/runs", json=run_request(agent, text, mode=mode, **fields))
    assert response.status_code in (200, 202), response.text
    return response.json()["run_id"]


async def answered(member: Member, run_id: str, text: str, mode: str = "sync") -> Any:
    response = await member.http.post(f"/runs/{run_id}", json=resume_request(text, mode))
    if response.status_code not in (200, 202):
        raise AssertionError(f"{response.text}; the run: {(await member.http.get(f'/runs/{run_id}')).text}")
    return response.json()


async def reaches(member: Member, run_id: str, *statuses: str) -> Any:
    async def probe() -> Any:
        run = await member.run(run_id)
        return run if run["status"] in statuses else None

    return await until(probe, f"run {run_id} becoming {' or '.join(statuses)}")


async def each(items: Any, step: Callable[..., Any], *, width: int = 40) -> list[Any]:
    """Returns the results of a step for all items, of which some run concurrently."""
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
