# SPDX-License-Identifier: Apache-2.0
"""Backups that are made and restored with the commands of docs/deployment.md, and the runs in them."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import httpx
import pytest
import run_log
from calls import new_session_id
from free_port import free_port
from postgres_process import PostgresProcess, program
from processes import DEADLINE, Member, Server, answered, checked, create, each, has_said, reaches
from redis_process import RedisProcess
from specification import ROOT

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

PAGE = ROOT / "docs" / "deployment.md"
WORDS = " ".join(f"word{index}" for index in range(20))


def commands(section: str) -> list[str]:
    """The blocks of a section of the page: how to make a backup, and how to restore it."""
    text = PAGE.read_text(encoding="utf-8").partition("\n## Backup and restore\n")[2].partition("\n## ")[0]
    part = text.partition(f"\n### {section}\n")[2].partition("\n### ")[0]
    return re.findall(r"```sh\n(.*?)```", part, re.DOTALL)


class Place:
    """Where data are stored, how they get lost, and where they are restored."""

    def __init__(self, section: str) -> None:
        self._blocks = commands(section)
        assert len(self._blocks) == 2, section
        self.folder = Path(tempfile.mkdtemp(prefix="backup-"))
        # The programs of PostgreSQL are where its server is.
        self.variables = {"PATH": f"{os.environ['PATH']}:{Path(program('psql')).parent}"}

    @property
    def url(self) -> str:
        raise NotImplementedError

    def back_up(self) -> None:
        self._run(self._blocks[0])

    def lose(self) -> None:
        """Removes the data, and provides what a restore requires."""
        raise NotImplementedError

    def restore(self) -> None:
        self._run(self._blocks[1])

    def stop(self) -> None:
        shutil.rmtree(self.folder)

    def _run(self, block: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=self.folder,
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}"


class RedisPlace(Place):
    def __init__(self) -> None:
        super().__init__("Redis")
        self._server: RedisProcess | None = RedisProcess()
        self.variables["REDIS_URL"] = self._server.url

    @property
    def url(self) -> str:
        return self._server.url if self._server else f"redis://127.0.0.1:{self.variables['REDIS_PORT']}"

    def lose(self) -> None:
        assert self._server is not None
        self._server.stop()
        self._server = None
        data = self.folder / "redis"
        data.mkdir()
        self.variables |= {"REDIS_FOLDER": str(data), "REDIS_PORT": str(free_port())}

    def restore(self) -> None:
        super().restore()
        # From now on all data are in the append-only file.
        assert self._reply("config", "get", "appendonly").split() == ["appendonly", "yes"]

    def stop(self) -> None:
        if self._server:
            self._server.stop()
        else:
            self._reply("shutdown", "nosave", check=False)
        super().stop()

    def _reply(self, *words: str, check: bool = True) -> str:
        command = ["redis-cli", "-p", self.variables["REDIS_PORT"], *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=check).stdout


class PostgresPlace(Place):
    def __init__(self) -> None:
        super().__init__("PostgreSQL")
        self._server = PostgresProcess()
        self.variables["DATABASE_URL"] = self._server.url

    @property
    def url(self) -> str:
        return self._server.url

    def lose(self) -> None:
        self._server.stop()
        self._server = PostgresProcess()
        self.variables["DATABASE_URL"] = self._server.url

    def stop(self) -> None:
        self._server.stop()
        super().stop()


class SQLitePlace(Place):
    def __init__(self) -> None:
        super().__init__("SQLite")
        self._data = self.folder / "data"
        self._data.mkdir()
        self.variables["DATA_FOLDER"] = str(self._data)

    @property
    def url(self) -> str:
        return f"sqlite:{self._data}/acp.sqlite"

    def lose(self) -> None:
        (self._data / "acp.sqlite").write_bytes(b"lost")


@pytest.fixture(params=[RedisPlace, PostgresPlace, SQLitePlace])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    place: Place = request.param()
    yield place
    place.stop()


async def test_runs_of_a_backup_go_on_after_it_was_restored(place: Place, report: Callable[[str], None]) -> None:
    server = Server("--storage", place.url, "--lease", "1")
    session = new_session_id()
    async with httpx.AsyncClient(base_url=server.url, timeout=DEADLINE) as http:
        member = Member(server, http, "")
        await create(member, "recall", "one", mode="sync", session_id=session)
        asking = await each(range(4), lambda _: create(member, "interviewer", mode="sync"))
        await answered(member, asking[0], "Ada")
        slow = await create(member, "slow", WORDS)
        await has_said(member, slow, 3)
        # While the server works.
        await anyio.to_thread.run_sync(place.back_up)
        # What the backup does not have.
        later = await create(member, "greeter", "Bob", mode="sync")
        await answered(member, asking[1], "Bob")
    server.kill()
    place.lose()
    await anyio.to_thread.run_sync(place.restore)

    server = Server("--storage", place.url, "--lease", "1")
    async with httpx.AsyncClient(base_url=server.url, timeout=DEADLINE) as http:
        member = Member(server, http, "")
        assert (await http.get(f"/runs/{later}")).status_code == 404
        assert (await http.get("/runs?limit=1")).json()["total"] == 6
        await reaches(member, slow, "completed")
        assert run_log.said(await checked(member, slow)) == [WORDS]
        for run_id in asking:
            while (await member.run(run_id))["status"] == "awaiting":
                await answered(member, run_id, "London")
        said = [run_log.said(await checked(member, run_id))[-1] for run_id in asking]
        assert said == ["Ada from London likes London.", *["London from London likes London."] * 3]
        await create(member, "recall", "two", mode="sync", session_id=session)
        assert await member.history(session) == ["one", " (0)", "two", "one |  (0) (2)"]
        report(f"6 runs of a backup were restored with {type(place).__name__.removesuffix('Place')}")
    assert server.stop() == 0, server.log()
