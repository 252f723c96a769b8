# SPDX-License-Identifier: Apache-2.0
"""Two server processes on one Redis with different host names and no public URL recognize their own sessions."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from acp_sdk.client import Client
from calls import new_session_id, texts
from redis_process import RedisProcess
from server_process import ServerProcess, binary

pytestmark = [pytest.mark.additions, pytest.mark.own_server]


@pytest.fixture
def redis() -> Iterator[RedisProcess]:
    process = RedisProcess()
    yield process
    process.stop()


@pytest.fixture
def names(redis: RedisProcess, own_server: Callable[..., ServerProcess]) -> list[str]:
    """The URLs of two processes. They must not load from each other, so that an unrecognized URL could not be read."""
    first, second = (own_server("--storage", redis.url) for _ in range(2))
    return [first.url, second.url.replace("127.0.0.1", "localhost")]


def heard(said: list[str], answer: str) -> None:
    """Checks that `recall` has read the whole session, in order and once."""
    assert answer == f"{' | '.join(said)} ({len(said)})"


async def test_the_published_client_moves_between_host_names(names: list[str]) -> None:
    said: list[str] = []
    async with Client(base_url=names[0], timeout=60) as client, client.session() as session:
        for turn in range(4):
            run = await session.run_sync(f"turn {turn}", agent="recall", base_url=names[turn % 2])
            assert run.status == "completed", run.error
            heard(said, texts(run)[0])
            said += [f"turn {turn}", texts(run)[0]]
        described = await session.refresh_session(base_url=names[0])
    assert len(described.history) == len(said) == 8


async def test_a_state_moves_between_host_names(names: list[str]) -> None:
    async with Client(base_url=names[0], timeout=60) as client, client.session() as session:
        counts = [
            texts(await session.run_sync("x", agent="counter", base_url=names[turn % 2]))[0] for turn in range(4)
        ]
    assert counts == [f"Count: {number}" for number in range(1, 5)]


@pytest.mark.parametrize("source", ["file", "url"])
async def test_the_tool_moves_between_host_names(names: list[str], tmp_path: Path, source: str) -> None:
    def acp(*arguments: str, url: str) -> str:
        done = subprocess.run(
            [str(binary()), *arguments, "--url", url], env=os.environ, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    session_id = new_session_id()
    said: list[str] = []
    for turn in range(4):
        url, last = names[turn % 2], names[(turn + 1) % 2]
        if turn == 0:
            where = ["--session", session_id]
        elif source == "url":
            where = ["--continue", f"{last}/sessions/{session_id}"]
        else:
            descriptor = tmp_path / "session.json"
            descriptor.write_text(acp("session", session_id, "--json", url=last))
            where = ["--continue", str(descriptor)]
        answer = acp("run", "recall", f"turn {turn}", *where, url=url).removesuffix("\n")
        heard(said, answer)
        said += [f"turn {turn}", answer]
    described = json.loads(acp("session", session_id, "--json", url=names[0]))
    assert len(described["history"]) == 8
    assert all(re.search(r"[?&]acp-origin=[\w-]{22}$", url) for url in described["history"])
    async with httpx.AsyncClient(timeout=60) as http:
        assert [(await http.get(url)).status_code for url in described["history"]] == [200] * 8
