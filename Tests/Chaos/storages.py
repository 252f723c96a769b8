# SPDX-License-Identifier: Apache-2.0
"""The storages that servers share: real servers in temporary folders, with what can go wrong with them."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
import redis

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Interop"))
from free_port import free_port  # noqa: E402
from postgres_process import NOBODY, program  # noqa: E402

Fault = Callable[[random.Random], Awaitable[None]]
"""Something that goes wrong, and is well again when it returns."""

START_DEADLINE = 60.0

LIVE_KEYS = ("acp:processes", "acp:process:")
"""What belongs to the processes, and not to a run or a session."""


class Store:
    """A storage. Servers reach it at `port`, or, if there is none, through nothing but their own disk."""

    name = ""
    port: int | None = None
    processes = 3
    """How many servers can share it. With 1, a server is started again only when the one before has ended."""

    recovery = 0.0
    """Seconds beyond the leases after which runs without an owner are found."""

    def url(self, port: int | None) -> str:
        """The URL for a server that reaches the storage at a port."""
        raise NotImplementedError

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def faults(self) -> dict[str, Fault]:
        return {}

    async def stored_runs(self) -> set[str]:
        """The runs that are stored, if lists may lack some of them for a while."""
        return set()

    async def leftovers(self) -> list[str]:
        """What is stored beside the heartbeats of processes."""
        return []


class Process:
    """A program that is killed, stopped and started again."""

    def __init__(self, command: list[str], folder: Path, is_nobody: bool = False) -> None:
        self._command = command
        self._folder = folder
        self._user: dict[str, int] = {"user": NOBODY, "group": NOBODY} if is_nobody and os.geteuid() == 0 else {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self._folder,
                start_new_session=True, **self._user)  # fmt: skip

    @property
    def pids(self) -> list[int]:
        """The process and its children."""
        if self._process is None or self._process.poll() is not None:
            return []
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return [pid, *map(int, children.read_text().split())] if children.exists() else [pid]

    def send(self, number: signal.Signals) -> None:
        for pid in self.pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
        if self._process is not None:
            self._process.wait()


class RedisNode:
    """One redis-server, which loses nothing that it has acknowledged when it is killed."""

    def __init__(self, folder: Path, *options: str, sentinel: Path | None = None) -> None:
        """With `sentinel`, the configuration of a Sentinel, the node is one."""
        self.port = free_port()
        path = folder / str(self.port)
        path.mkdir()
        command = ["redis-server", *([str(sentinel), "--sentinel"] if sentinel else [])]
        command += ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(path)]
        if sentinel is None:
            command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"]
        self.process = Process([*command, *options], path)
        self.client = redis.Redis(port=self.port, decode_responses=True, socket_timeout=5, socket_connect_timeout=5)

    async def start(self) -> None:
        self.process.start()
        await self.is_ready()

    async def is_ready(self) -> None:
        end = time.monotonic() + START_DEADLINE
        while time.monotonic() < end:
            try:
                await asyncio.to_thread(self.client.ping)
                return
            except redis.RedisError:
                await asyncio.sleep(0.05)
        raise RuntimeError(f"the Redis server on port {self.port} did not start")

    async def command(self, *words: str | int) -> object:
        return await asyncio.to_thread(self.client.execute_command, *words)

    async def keys(self) -> list[str]:
        return await asyncio.to_thread(lambda: list(self.client.scan_iter("acp:*", count=1_000)))


    async def eternal_deletions(self) -> list[str]:
        """What remembers the deletion of a run for ever, or for longer than the ten minutes of `docs/redis.md`."""
        return await asyncio.to_thread(self._eternal_deletions)

    def _eternal_deletions(self) -> list[str]:
        lives = {str(key): self.client.pttl(key) for key in self.client.scan_iter(DELETIONS + "*", count=1_000)}
        # One that has expired in the meantime has -2.
        return [f"{key} for {life} ms" for key, life in lives.items() if life == -1 or life > 600_000]


DELETIONS = "acp:deleted:"
"""The beginning of the keys that remember for some minutes that a run was deleted."""


def unexpected(keys: list[str]) -> list[str]:
    return sorted(key for key in keys if not key.startswith((*LIVE_KEYS, DELETIONS)))


class RedisStore(Store):
    """One Redis server."""

    name = "redis"

    async def start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chaos-redis-")
        self.node = RedisNode(Path(self._folder.name))
        self.port = self.node.port
        await self.node.start()

    def url(self, port: int | None) -> str:
        return f"redis://127.0.0.1:{port}"

    async def stop(self) -> None:
        self.node.process.end()
        self._folder.cleanup()

    async def leftovers(self) -> list[str]:
        return unexpected(await self.node.keys()) + await self.node.eternal_deletions()

    def faults(self) -> dict[str, Fault]:
        return {
            "storage-kill": self._kill,
            "storage-stop": self._freeze,
            "storage-full": self._fill,
            "storage-readonly": self._refuse,
            "storage-disconnect": self._disconnect,
        }

    async def _kill(self, rng: random.Random) -> None:
        self.node.process.end()
        await asyncio.sleep(rng.uniform(0, 2))
        await self.node.start()

    async def _freeze(self, rng: random.Random) -> None:
        self.node.process.send(signal.SIGSTOP)
        await asyncio.sleep(rng.uniform(0.2, 4))
        self.node.process.send(signal.SIGCONT)

    async def _fill(self, rng: random.Random) -> None:
        await self.node.command("CONFIG", "SET", "maxmemory", "1mb")
        await asyncio.sleep(rng.uniform(0.2, 3))
        await self.node.command("CONFIG", "SET", "maxmemory", "0")

    async def _refuse(self, rng: random.Random) -> None:
        await self.node.command("CONFIG", "SET", "min-replicas-to-write", "1")
        await asyncio.sleep(rng.uniform(0.2, 3))
        await self.node.command("CONFIG", "SET", "min-replicas-to-write", "0")

    async def _disconnect(self, rng: random.Random) -> None:
        for _ in range(rng.randrange(1, 6)):
            await self.node.command("CLIENT", "KILL", "TYPE", rng.choice(["normal", "pubsub"]))
            await asyncio.sleep(rng.uniform(0, 0.5))


COUNTS = {
    "acp_run_counts": "SELECT count(*) FROM (SELECT 1 FROM {} GROUP BY listing, name HAVING sum(runs) <> 0) AS parts",
    "acp_status_counts": "SELECT count(*) FROM (SELECT 1 FROM {} GROUP BY agent_name, status, level, period "
    "HAVING sum(runs) <> 0) AS parts",
    # Deletions are remembered for ten minutes.
    "acp_deleted_runs": "SELECT count(*) FROM {} WHERE until > clock_timestamp() + interval '10 minutes'",
}
"""Numbers of runs, in parts that are added up: 0 altogether when all runs have been deleted. And other exceptions."""


class PostgresStore(Store):
    """One PostgreSQL server."""

    name = "postgres"

    async def start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chaos-postgres-")
        folder = Path(self._folder.name)
        self.port = free_port()
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        user: dict[str, int] = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        initdb = [program("initdb"), "-D", str(folder / "data"), "-U", "acp", "--auth=trust", "--encoding=UTF8"]
        subprocess.run([*initdb, "--locale=C", "--no-sync"], check=True, capture_output=True, cwd=folder, **user)
        # Ends of processes lose nothing that was written, so that nothing need be forced to the disk.
        options = ["-c", "fsync=off", "-c", "max_connections=60", "-h", "127.0.0.1", "-k", str(folder)]
        self.process = Process(
            [program("postgres"), "-D", str(folder / "data"), "-p", str(self.port), *options], folder, is_nobody=True)
        await self._run()

    async def _run(self) -> None:
        self.process.start()
        end = time.monotonic() + START_DEADLINE
        while time.monotonic() < end:
            try:
                await asyncio.to_thread(self._execute, "SELECT 1")
                return
            except psycopg.Error:
                await asyncio.sleep(0.1)
        raise RuntimeError("PostgreSQL did not start")

    def _execute(self, statement: str) -> list[tuple]:
        url = f"postgres://acp@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def url(self, port: int | None) -> str:
        return f"postgres://acp@127.0.0.1:{port}/postgres"

    async def stop(self) -> None:
        self.process.end(signal.SIGQUIT)
        self._folder.cleanup()

    async def leftovers(self) -> list[str]:
        names = await asyncio.to_thread(
            self._execute, "SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
        found = []
        for (name,) in names:
            if "process" in name or "version" in name or "migration" in name or "schema" in name:
                continue
            [(count,)] = await asyncio.to_thread(self._execute, COUNTS.get(name, 'SELECT count(*) FROM "{}"').format(name))
            if count:
                found.append(f"{name}: {count} rows")
        return found

    def faults(self) -> dict[str, Fault]:
        return {
            "storage-kill": self._kill,
            "storage-stop": self._freeze,
            "storage-readonly": self._refuse,
            "storage-disconnect": self._disconnect,
        }

    async def _kill(self, rng: random.Random) -> None:
        # Ends all its processes at once, without a checkpoint.
        await asyncio.to_thread(self.process.end, signal.SIGQUIT)
        await asyncio.sleep(rng.uniform(0, 2))
        await self._run()

    async def _freeze(self, rng: random.Random) -> None:
        stopped = self.process.pids
        for pid in stopped:
            _send(pid, signal.SIGSTOP)
        await asyncio.sleep(rng.uniform(0.2, 4))
        for pid in stopped:
            _send(pid, signal.SIGCONT)

    async def _refuse(self, rng: random.Random) -> None:
        statements = ("ALTER SYSTEM SET default_transaction_read_only = {}", "SELECT pg_reload_conf()")
        for value in ("on", "off"):
            for statement in statements:
                await asyncio.to_thread(self._execute, statement.format(value))
            if value == "on":
                await asyncio.sleep(rng.uniform(0.2, 3))

    async def _disconnect(self, rng: random.Random) -> None:
        statement = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        for _ in range(rng.randrange(1, 4)):
            await asyncio.to_thread(self._execute, statement)
            await asyncio.sleep(rng.uniform(0, 0.5))


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class SQLiteStore(Store):
    """A SQLite file, for one server after the other."""

    name = "sqlite"
    processes = 1

    async def start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chaos-sqlite-")
        self.path = Path(self._folder.name) / "runs.sqlite"

    def url(self, port: int | None) -> str:
        return f"sqlite:{self.path}"

    async def stop(self) -> None:
        self._folder.cleanup()

    async def leftovers(self) -> list[str]:
        found = []
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in names:
                if name.startswith("sqlite_") or "migration" in name or "process" in name or "meta" in name:
                    continue
                if name == "acp_deleted_runs":
                    continue  # Deletions are remembered for ten minutes, by the clocks of servers, which jump.
                condition = "WHERE runs <> 0" if name in COUNTS else ""
                [(count,)] = connection.execute(f'SELECT count(*) FROM "{name}" {condition}').fetchall()
                if count:
                    found.append(f"{name}: {count} rows")
        return found


def store_named(name: str) -> Store:
    from topologies import ClusterStore, SentinelStore

    kinds = {one.name: one for one in (RedisStore, PostgresStore, SQLiteStore, SentinelStore, ClusterStore)}
    if name not in kinds:
        raise ValueError(f"there is no storage {name!r}: use {', '.join(kinds)}")
    return kinds[name]()
