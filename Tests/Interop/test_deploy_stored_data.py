# SPDX-License-Identifier: Apache-2.0
"""Data that an earlier version left when it was killed are served by this version, and its runs continued."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import run_log
from calls import TERMINAL
from processes import DEADLINE, Member, Server, answered, checked, create, reaches
from served_data import COUNT, FOLDER, LONG, OPTIONS, QUEUE, STORAGES, TALK, WORDS, Data

pytestmark = [pytest.mark.additions, pytest.mark.own_server]


@pytest.fixture(params=STORAGES)
def stored(request: pytest.FixtureRequest) -> Iterator[tuple[Data, dict[str, Any]]]:
    """A storage with the data of an earlier version, and what that has told its callers."""
    data = Data(request.param)
    suffix = "jsonl" if request.param == "redis" else "sql"
    data.load((FOLDER / f"{request.param}.{suffix}").read_text(encoding="utf-8"))
    yield data, json.loads((FOLDER / f"{request.param}.json").read_text(encoding="utf-8"))
    data.stop()


async def test_data_of_an_earlier_version_are_served_and_its_runs_continued(
    stored: tuple[Data, dict[str, Any]], report: Callable[[str], None]
) -> None:
    data, told = stored
    server = Server("--storage", data.url, "--lease", "1", *OPTIONS)
    async with httpx.AsyncClient(base_url=server.url, timeout=DEADLINE) as http:
        member = Member(server, http, "")
        page = (await http.get("/runs", params={"limit": 100})).json()
        assert {run["run_id"] for run in page["runs"]} == set(told["runs"]) and page["total"] == len(told["runs"])

        for run_id, before in told["runs"].items():
            if before["status"] in TERMINAL:
                run = await checked(member, run_id)
                assert {**run, **before} == run, "members may have been added"
                assert await member.events(run_id) == told["events"][run_id]
        assert await member.history(TALK) == ["one", " (0)", LONG, "one |  (0) (2)"]
        again = await create(member, "counter", mode="sync", session_id=COUNT)
        assert "4" in run_log.said(await member.run(again))[0]

        # The half-finished run goes on after what its followers have seen; the other cannot.
        await reaches(member, told["slow"], "completed")
        assert run_log.said(await checked(member, told["slow"])) == [WORDS]
        events, seen = await member.events(told["slow"]), told["events"][told["slow"]]
        assert events[: len(seen)] == seen and len(seen) > 4
        await reaches(member, told["ticking"], "failed")
        assert run_log.failed_with_its_owner(await checked(member, told["ticking"]))

        # Questions are answered; one has an answer from before, which is replayed.
        for run_id in told["asking"]:
            while (await member.run(run_id))["status"] == "awaiting":
                await answered(member, run_id, "London")
        spoken = [run_log.said(await checked(member, run_id))[-1] for run_id in told["asking"]]
        assert spoken == ["London from London likes London.", "Ada from London likes London."]

        # The second run of the session waits for the first one, as before.
        assert (await member.run(told["queued"]))["status"] == "created"
        await answered(member, told["first"], "Ada")
        await reaches(member, told["queued"], "completed")
        assert await member.history(QUEUE) == ["hi", "Hello, Ada!", "after the question", "after the question"]
        assert {(await checked(member, run_id))["status"] in TERMINAL for run_id in told["runs"]} == {True}
        report(f"{len(told['runs'])} runs of an earlier version in {data.kind}: served and continued")
    assert server.stop() == 0, server.log()
