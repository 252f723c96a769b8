# SPDX-License-Identifier: Apache-2.0
"""Storages that fail temporarily, or have lost a part of a run: every run ends, and every caller gets an error."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from calls import run_request, stream_events
from redis_process import RedisProcess
from server_process import ServerProcess
from waiting import eventually

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

TIMEOUT = httpx.Timeout(120.0)


@pytest.fixture
def redis() -> Iterator[RedisProcess]:
    server = RedisProcess()
    yield server
    server.stop()


async def status(http: httpx.AsyncClient, run_id: str) -> str:
    response = await http.get(f"/runs/{run_id}")
    return response.json()["status"] if response.status_code == 200 else f"HTTP {response.status_code}"


async def settled(http: httpx.AsyncClient, run_id: str) -> str:
    return await eventually(
        lambda: status(http, run_id), lambda value: value in ("completed", "failed", "cancelled"), "the end of the run"
    )


async def streamed(http: httpx.AsyncClient, body: dict[str, Any]) -> list[Any]:
    events = []
    async with http.stream("POST", "/runs", json=body) as response:
        assert response.status_code == 200, await response.aread()
        async for event in stream_events(response):
            events.append(event.json)
    return events


# A full disk


class SmallDisk:
    """A server whose SQLite file is on a disk of three megabytes that only this server uses."""

    def __init__(self, folder: Path) -> None:
        # A user who is not root has to become root of a namespace before mounting anything.
        become = [] if os.geteuid() == 0 else ["--map-root-user"]
        script = f'mount -t tmpfs -o size=3m tmpfs "{folder}" && exec "$@"'
        self.server = ServerProcess(
            "--storage", f"sqlite:{folder}/x.sqlite", within=("unshare", "--mount", *become, "sh", "-c", script, "sh")
        )
        self._filler = Path(f"/proc/{self.server.pid}/root{folder}/filler")

    def fill(self) -> None:
        with open(self._filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    def make_room(self) -> None:
        self._filler.unlink()


async def test_a_temporarily_full_disk_leaves_no_unfinished_run(tmp_path: Path) -> None:
    disk = SmallDisk(tmp_path)
    try:
        async with httpx.AsyncClient(base_url=disk.server.url, timeout=TIMEOUT) as http:
            assert (await http.get("/readyz")).status_code == 200
            sync = asyncio.create_task(http.post("/runs", json=run_request("ticker", "40")))
            stream = asyncio.create_task(streamed(http, run_request("ticker", "40", mode="stream")))
            doomed = (await http.post("/runs", json=run_request("ticker", "40", mode="async"))).json()["run_id"]
            await eventually(
                lambda: http.get(f"/runs/{doomed}/events"), lambda reply: len(reply.json()["events"]) > 5, "some ticks"
            )
            disk.fill()
            refused = await eventually(
                lambda: http.post("/runs", json=run_request("ticker", "1", mode="async")),
                lambda reply: reply.status_code == 503,
                "a run that is refused for lack of room",
            )
            assert "out of room" in refused.json()["message"]
            await eventually(
                lambda: http.get("/readyz"), lambda reply: reply.status_code == 503, "the server becoming unready"
            )
            # SQLite can still write where its file has free pages. If it has none, the cancellation is not stored yet, and
            # the caller is told so, but the run is cancelled all the same.
            cancelled = await http.post(f"/runs/{doomed}/cancel")
            if cancelled.status_code != 202:
                assert cancelled.status_code == 503, cancelled.text
                assert "out of room" in cancelled.json()["message"]
            disk.make_room()
            await eventually(
                lambda: http.get("/readyz"), lambda reply: reply.status_code == 200, "the server becoming ready"
            )
            answer = await sync
            run_id = answer.headers["run-id"]
            # A caller whose patience has ended is told so, and finds the run where the response says.
            assert answer.status_code in (200, 503), answer.text
            assert await settled(http, run_id) == "completed"
            events = await stream
            if events[-1]["type"] == "error":
                assert "out of room" in events[-1]["error"]["message"]
            else:
                assert events[-1]["type"] == "run.completed"
            assert await settled(http, events[0]["run"]["run_id"]) == "completed"
            assert await settled(http, doomed) == "cancelled"
            for run in (run_id, events[0]["run"]["run_id"], doomed):
                assert (await http.delete(f"/runs/{run}")).status_code == 204
            listed = (await http.get("/runs", params={"limit": 100})).json()
            assert all(run["status"] in ("completed", "failed", "cancelled") for run in listed["runs"])
    finally:
        disk.server.stop()


# Redis


@pytest.mark.parametrize("part", ["owner", "events", "run", "input"])
async def test_an_incomplete_run_ends_and_can_be_deleted(redis: RedisProcess, part: str) -> None:
    server = ServerProcess("--storage", redis.url)
    try:
        async with httpx.AsyncClient(base_url=server.url, timeout=TIMEOUT) as http:
            events: list[Any] = []

            async def follow() -> None:
                async with http.stream("POST", "/runs", json=run_request("ticker", "15", mode="stream")) as response:
                    async for event in stream_events(response):
                        events.append(event.json)

            stream = asyncio.create_task(follow())

            async def count() -> int:
                return len(events)

            await eventually(count, lambda value: value > 4, "some ticks")
            run_id = events[0]["run"]["run_id"]
            assert redis.command("DEL", f"acp:{part}:{run_id}") == "1"
            await stream
            if part == "input":
                # Nothing needs it any more, unless the run is replayed.
                assert events[-1]["type"] == "run.completed"
            else:
                assert events[-1]["type"] == "run.failed", events[-1]
                assert "missing" in events[-1]["run"]["error"]["message"]
                assert await settled(http, run_id) == "failed"
            assert (await http.delete(f"/runs/{run_id}")).status_code == 204
            assert (await http.get(f"/runs/{run_id}")).status_code == 404
            # Only that it was deleted is remembered.
            assert redis.command("KEYS", f"acp:*{run_id}*") == f"acp:deleted:{run_id}"
            assert run_id not in redis.command("ZRANGE", "acp:runs", "0", "-1")
    finally:
        server.stop()


async def test_an_orphaned_run_is_ended_by_the_next_process(redis: RedisProcess) -> None:
    server = ServerProcess("--storage", redis.url, "--lease", "1")
    async with httpx.AsyncClient(base_url=server.url, timeout=TIMEOUT) as http:
        run_id = (await http.post("/runs", json=run_request("questioner", mode="async"))).json()["run_id"]
        await eventually(lambda: status(http, run_id), lambda value: value == "awaiting", "the question")
    server.kill()
    assert redis.command("DEL", f"acp:owner:{run_id}") == "1"
    server = ServerProcess("--storage", redis.url, "--lease", "1")
    try:
        async with httpx.AsyncClient(base_url=server.url, timeout=TIMEOUT) as http:
            assert await settled(http, run_id) == "failed"
            assert (await http.delete(f"/runs/{run_id}")).status_code == 204
    finally:
        server.stop()


async def test_a_user_without_the_permission_to_publish_leaves_no_data(redis: RedisProcess) -> None:
    redis.command("ACL", "SETUSER", "agents", "on", ">secret", "~*", "+@all", "resetchannels", "&acp:*")
    server = ServerProcess("--storage", f"redis://agents:secret@127.0.0.1:{redis.port}")
    try:
        async with httpx.AsyncClient(base_url=server.url, timeout=TIMEOUT) as http:
            assert (await http.post("/runs", json=run_request("greeter"))).status_code == 200
            before = redis.command("DBSIZE")
            redis.command("ACL", "SETUSER", "agents", "resetchannels")
            # Redis closes connections that are subscribed to what they may no longer hear; others go on.
            refused = await http.post("/runs", json=run_request("greeter"))
            assert refused.status_code == 503, refused.text
            assert "secret" not in refused.text
            assert redis.command("DBSIZE") == before
            assert (await http.get("/runs")).json()["total"] == 1
            await eventually(
                lambda: http.get("/readyz"), lambda reply: reply.status_code == 503, "the server becoming unready"
            )

            async def log() -> str:
                return server.log()

            # The log arrives through a pipe.
            await eventually(log, lambda text: "&acp:*" in text, "the remedy in the log")
            redis.command("ACL", "SETUSER", "agents", "&acp:*")
            await eventually(
                lambda: http.get("/readyz"), lambda reply: reply.status_code == 200, "the server becoming ready"
            )
            assert (await http.post("/runs", json=run_request("greeter"))).status_code == 200
    finally:
        server.stop()


async def test_a_redis_out_of_memory_makes_the_server_unready_until_there_is_memory(redis: RedisProcess) -> None:
    server = ServerProcess("--storage", redis.url, "--lease", "1")
    try:
        async with httpx.AsyncClient(base_url=server.url, timeout=TIMEOUT) as http:
            run_id = (await http.post("/runs", json=run_request("ticker", "20", mode="async"))).json()["run_id"]
            redis.command("CONFIG", "SET", "maxmemory", "1")
            response = await eventually(
                lambda: http.get("/readyz"), lambda reply: reply.status_code == 503, "the server becoming unready"
            )
            assert "storage" in response.json()["message"]
            redis.command("CONFIG", "SET", "maxmemory", "0")
            await eventually(
                lambda: http.get("/readyz"), lambda reply: reply.status_code == 200, "the server becoming ready"
            )
            assert await settled(http, run_id) == "completed"
    finally:
        server.stop()
