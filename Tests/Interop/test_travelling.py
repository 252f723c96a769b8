# SPDX-License-Identifier: Apache-2.0
"""Sessions that move between two servers of this package and the reference server, A → B → C → A."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from acp_sdk.client import Client
from acp_sdk.models import Message
from calls import assert_error, new_session_id, run_request, texts
from redis_process import RedisProcess
from reference_process import ReferenceProcess
from server_process import ServerProcess, binary

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

TOKEN = "the-token-of-both-servers"
SECRET = "a secret that nobody guesses, 32 bytes and more"


@pytest.fixture(scope="module")
def reference() -> Iterator[ReferenceProcess]:
    process = ReferenceProcess()
    yield process
    process.stop()


@dataclass
class Stations:
    """Two servers of this package, and the reference server."""

    a: str
    b: str
    c: str
    signed: bool
    folder: Path
    said: list[str] = field(default_factory=list)
    """The messages of the session so far, which an agent must read now."""

    @property
    def journey(self) -> list[tuple[str, str]]:
        """Where the session goes, and what is said there."""
        return [(self.a, "one"), (self.a, "two"), (self.b, "three"), (self.c, "four"), (self.a, "five"), (self.b, "six")]

    def heard(self, text: str, answer: str) -> None:
        """Checks what `recall` has read of the session, and takes its run into account."""
        assert answer == f"{' | '.join(self.said)} ({len(self.said)})"
        self.said += [text, answer]

    @property
    def token(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}"} if self.signed else {}


@pytest.fixture(params=[False, True], ids=["plain", "signed"])
def stations(
    request: pytest.FixtureRequest,
    own_server: Callable[..., ServerProcess],
    reference: ReferenceProcess,
    tmp_path: Path,
) -> Stations:
    options = ["--allow-private-links"]
    if request.param:
        (tmp_path / "secret").write_text(SECRET + "\n")
        options += ["--token", TOKEN, "--sign-urls-with", str(tmp_path / "secret")]
    a, b = (own_server(*options) for _ in range(2))
    return Stations(a.url, b.url, reference.url, request.param, tmp_path)


async def messages(stations: Stations, urls: list[str]) -> list[str]:
    """Returns the responses of these URLs to requests without a token."""
    async with httpx.AsyncClient(timeout=60) as http:
        answers = [await http.get(url) for url in urls]
    assert [answer.status_code for answer in answers] == [200] * len(urls)
    return [str(Message.model_validate_json(answer.content)) for answer in answers]


async def test_the_published_client_moves_a_session(stations: Stations) -> None:
    async with Client(base_url=stations.a, headers=stations.token, timeout=60) as client, client.session() as session:
        for url, text in stations.journey:
            run = await session.run_sync(text, agent="recall", base_url=url)
            assert run.status == "completed", run.error
            stations.heard(text, texts(run)[0])
        described = await session.refresh_session(base_url=stations.b)
    urls = [str(url) for url in described.history]
    assert len(urls) == 2 * len(stations.journey)
    assert await messages(stations, urls) == stations.said
    if stations.signed:
        own = [url for url in urls if not url.startswith(stations.c)]
        assert all("signature=" in url for url in own)
        async with httpx.AsyncClient(timeout=60) as http:
            assert_error(await http.get(own[0].partition("?")[0]), 403, "unauthorized")


def acp(stations: Stations, *arguments: str, url: str) -> str:
    """Returns the output of the tool."""
    environment = {**os.environ, "ACP_TOKEN": TOKEN} if stations.signed else dict(os.environ)
    done = subprocess.run(
        [str(binary()), *arguments, "--url", url], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("source", ["file", "url"])
async def test_the_tool_moves_a_session(stations: Stations, source: str) -> None:
    session_id = new_session_id()
    last = None
    for url, text in stations.journey:
        if last == url or last is None:
            where = ["--session", session_id]
        elif source == "url" and not (stations.signed and last != stations.c):
            # A server with a token does not describe its sessions to strangers.
            where = ["--continue", f"{last}/sessions/{session_id}"]
        else:
            descriptor = stations.folder / "session.json"
            descriptor.write_text(acp(stations, "session", session_id, "--json", url=last))
            where = ["--continue", str(descriptor)]
        stations.heard(text, acp(stations, "run", "recall", text, *where, url=url).removesuffix("\n"))
        last = url
    described = json.loads(acp(stations, "session", session_id, "--json", url=stations.b))
    assert await messages(stations, described["history"]) == stations.said
    shown = acp(stations, "session", session_id, "--limit", "2", url=stations.b)
    assert shown.splitlines()[-2:] == [f"user: {stations.said[-2]}", f"agent/recall: {stations.said[-1]}"]


async def test_a_state_moves_with_its_session(stations: Stations) -> None:
    async with Client(base_url=stations.a, headers=stations.token, timeout=60) as client, client.session() as session:
        counts = [
            texts(await session.run_sync("x", agent="counter", base_url=url))[0]
            for url in (stations.a, stations.b, stations.c, stations.a, stations.b, stations.b)
        ]
    assert counts == [f"Count: {number}" for number in range(1, 7)]


async def test_a_fresh_signature_replaces_one_that_has_expired(
    own_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    options = ("--allow-private-links", "--sign-urls-with", str(tmp_path / "secret"), "--signed-url-lifetime", "2")
    a, b = own_server(*options), own_server(*options)
    session_id = new_session_id()
    async with httpx.AsyncClient(timeout=60) as http:

        async def run(url: str, text: str, session: Any = None) -> Any:
            fields = {"session": session} if session else {"session_id": session_id}
            return (await http.post(f"{url}/runs", json=run_request("recall", text, **fields))).json()

        async def described(url: str) -> Any:
            return (await http.get(f"{url}/sessions/{session_id}")).json()

        await run(a.url, "one")
        old = await described(a.url)
        await run(b.url, "two", old)
        expired = False
        for _ in range(600):
            if expired := (await http.get(old["history"][0])).status_code == 403:
                break
            await anyio.sleep(0.1)
        assert expired, "the URL did not expire"
        # What B has kept leads nowhere any more, unless it was read recently.
        fresh = await described(a.url)
        assert fresh["history"] != old["history"]
        answer = await run(b.url, "three", fresh)
        assert answer["status"] == "completed", answer
        heard = "".join(part["content"] for part in answer["output"][0]["parts"])
        assert heard.startswith("one | ") and heard.endswith(" (4)")
        assert len((await described(b.url))["history"]) == 6, "the same messages are not kept twice"


async def test_a_thousand_messages_cost_pages(own_server: Callable[..., ServerProcess]) -> None:
    """Counts the commands that Redis receives."""
    redis = RedisProcess()
    try:
        server = own_server("--storage", redis.url, "--max-runs", "50", "--max-waiting", "1000")
        session_id = new_session_id()
        async with httpx.AsyncClient(base_url=server.url, timeout=120) as http:
            many = [{"role": "user", "parts": [{"content": str(index)}]} for index in range(500)]
            body = {"agent_name": "echo", "session_id": session_id, "input": many}
            assert (await http.post("/runs", json=body)).json()["status"] == "completed"

            async def commands(path: str) -> tuple[Any, dict[str, int]]:
                before = await anyio.to_thread.run_sync(lambda: statistics(redis.port))
                answer = (await http.get(path)).json()
                after = await anyio.to_thread.run_sync(lambda: statistics(redis.port))
                counted = ("lrange", "llen", "get")
                return answer, {name: after.get(name, 0) - before.get(name, 0) for name in counted}

            descriptor, counts = await commands(f"/sessions/{session_id}")
            assert len(descriptor["history"]) == 1000
            # Pages of 32, 64, 128 and then 200 entries: how large entries are is not known before some were read.
            assert counts["lrange"] == 7, counts
            assert counts["llen"] + counts["get"] <= 14, counts
            page, counts = await commands(f"/sessions/{session_id}/history?limit=20&offset=480")
            assert [entry["message"]["parts"][0]["content"] for entry in page["history"]] == [
                str(index % 500) for index in range(480, 500)
            ]
            assert page["total"] == 1000
            assert (counts["lrange"], counts["llen"]) == (1, 1), counts
            _, counts = await commands(f"/sessions/{session_id}/history/999")
            assert (counts["lrange"], counts["llen"]) == (1, 1), counts
    finally:
        redis.stop()


def statistics(port: int) -> dict[str, int]:
    """Returns how often each command was called."""
    done = subprocess.run(
        ["redis-cli", "-p", str(port), "info", "commandstats"], capture_output=True, text=True, check=True, timeout=60
    )
    return {name: int(calls) for name, calls in re.findall(r"cmdstat_(\w+):calls=(\d+)", done.stdout)}
