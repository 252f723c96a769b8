# SPDX-License-Identifier: Apache-2.0
"""Processes of an earlier version (ACP_OLD_BIN) and of this one on one storage, at once and one after the other.

scripts/test-upgrade builds the earlier version, and runs this.
"""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import run_log
from calls import new_session_id, resume_request, run_request
from postgres_process import PostgresProcess
from processes import (
    DEADLINE,
    Fleet,
    Member,
    Report,
    Server,
    answered,
    ask,
    checked,
    create,
    each,
    follow,
    has_said,
    reaches,
    until,
)

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

OLD = Path(os.environ["ACP_OLD_BIN"]) if "ACP_OLD_BIN" in os.environ else None
LOAD = int(os.environ.get("ACP_TEST_RUNS", "300"))
"""The number of runs of the replacement under load."""

WORDS = " ".join(f"word{index}" for index in range(25))
"""Input with which the agent `slow` takes five seconds."""


@pytest.fixture(params=["redis", "postgres"])
async def fleet(request: pytest.FixtureRequest) -> AsyncIterator[Fleet]:
    async with Fleet("--grace", "10", "--max-waiting", "1000", lease=2, storage=request.param) as fleet:
        yield fleet


async def both(fleet: Fleet) -> tuple[Member, Member]:
    """An old process, and then a new one, which migrates the storage while the old one works with it."""
    assert OLD is not None
    return await fleet.start(program=OLD), await fleet.start()


async def tasks(member: Member, agent: str) -> dict[str, str]:
    """The runs of an agent as A2A lists them, by the last change of their status, with their states."""
    found: dict[str, str] = {}
    token = ""
    while True:
        query = {"pageSize": 50, "pageToken": token} if token else {"pageSize": 50}
        response = await member.http.get(f"/a2a/{agent}/tasks", params=query, headers={"A2A-Version": "1.0"})
        assert response.status_code == 200, response.text
        page = response.json()
        found |= {task["id"]: task["status"]["state"].removeprefix("TASK_STATE_").lower() for task in page["tasks"]}
        token = page.get("nextPageToken", "")
        if not token:
            assert len(found) == page["totalSize"], page["totalSize"]
            return found


async def listed(member: Member, agent: str) -> dict[str, str]:
    page = (await member.http.get("/runs", params={"agent_name": agent, "limit": 1000})).json()
    assert page["total"] == len(page["runs"])
    return {run["run_id"]: run["status"] for run in page["runs"]}


async def test_questions_of_the_old_version_are_answered_by_the_new_one(fleet: Fleet) -> None:
    old, new = await both(fleet)
    session = new_session_id()
    for text in ("one", "two"):
        await create(old, "recall", text, mode="sync", session_id=session)
    asking = await each(range(6), lambda _: create(old, "interviewer", mode="sync"))
    # Some have answers from the old version already, which are replayed.
    await each(asking[:3], lambda run_id: answered(old, run_id, "Ada"))
    ended = await create(old, "greeter", "Ada", mode="sync")

    assert await listed(new, "interviewer") == dict.fromkeys(asking, "awaiting")
    assert await tasks(new, "interviewer") == dict.fromkeys(asking, "input_required")
    assert await tasks(new, "greeter") == {ended: "completed"}
    # Their owner is the old process: it receives the answers.
    for run_id in (asking[0], asking[3]):
        await answered(new, run_id, "London" if run_id == asking[0] else "Ada")
    # Now the new one takes them over, and replays them.
    assert await anyio.to_thread.run_sync(old.server.stop) == 0, old.server.log()
    await until(lambda: owns(new, 6), "the runs being taken over")
    for run_id in asking:
        while (await new.run(run_id))["status"] == "awaiting":
            await answered(new, run_id, "London")
        run = await checked(new, run_id)
        assert run["status"] == "completed"
        name = "Ada" if run_id in asking[:4] else "London"
        assert run_log.said(run)[-1] == f"{name} from London likes London."
    assert await tasks(new, "interviewer") == dict.fromkeys(asking, "completed")
    assert await new.history(session) == ["one", " (0)", "two", "one |  (0) (2)"]


async def owns(member: Member, count: int) -> bool:
    return (await member.processes())[member.process_id]["run_count"] == count


async def test_runs_of_the_new_version_are_listed_read_and_answered_by_the_old_one(fleet: Fleet) -> None:
    old, new = await both(fleet)
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    ids = []
    for index in range(4):
        body = run_request("interviewer", mode="sync")
        # Members that only the new version keeps.
        body["input"][0]["vendor_field"] = {"index": index}
        response = await new.http.post("/runs", json=body, headers=trace)
        assert response.status_code == 200, response.text
        ids.append(response.json()["run_id"])
    message = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
    sent = await new.http.post(
        "/a2a/interviewer/message:send", json={"message": message}, headers={"A2A-Version": "1.0"}
    )
    assert sent.status_code == 200, sent.text
    ids.append(sent.json()["task"]["id"])
    await each(ids, lambda run_id: answered(new, run_id, "Ada"))
    assert (await new.run(ids[0]))["exchange"]

    assert await listed(old, "interviewer") == dict.fromkeys(ids, "awaiting")
    for run_id in ids:
        assert await old.events(run_id) == await new.events(run_id)
        await checked(old, run_id)
    # The new process owns them, and performs what the old one is asked for.
    assert (await answered(old, ids[0], "London"))["status"] == "awaiting"
    response = await old.http.post(f"/runs/{ids[1]}/cancel")
    assert response.status_code == 202
    await reaches(old, ids[1], "cancelled")
    # The old process takes them over, and replays them.
    assert await anyio.to_thread.run_sync(new.server.stop) == 0, new.server.log()
    await until(lambda: owns(old, 4), "the runs being taken over")
    for run_id in (ids[0], *ids[2:]):
        while (await old.run(run_id))["status"] == "awaiting":
            await answered(old, run_id, "London")
        assert run_log.said(await checked(old, run_id))[-1] == "Ada from London likes London."
    # And what the old one has written is read by the next new one.
    again = await fleet.start()
    expected = dict.fromkeys(ids, "completed") | {ids[1]: "cancelled"}
    assert await listed(again, "interviewer") == expected
    assert await tasks(again, "interviewer") == {i: s.replace("cancelled", "canceled") for i, s in expected.items()}
    for run_id in ids:
        await checked(again, run_id)
        task = await again.http.get(f"/a2a/interviewer/tasks/{run_id}", headers={"A2A-Version": "1.0"})
        assert task.status_code == 200, task.text


@pytest.mark.parametrize("killed", ["old", "new"])
async def test_runs_of_a_killed_process_are_continued_by_the_other_version(fleet: Fleet, killed: str) -> None:
    old, new = await both(fleet)
    one, other = (old, new) if killed == "old" else (new, old)
    session = new_session_id()
    slow = await each(range(5), lambda _: create(one, "slow", WORDS, session_id=session))
    asking = await each(range(5), lambda _: create(one, "interviewer", mode="sync"))
    await each(asking, lambda run_id: answered(one, run_id, "Ada"))
    ticking = await each(range(3), lambda _: create(one, "ticker", "600"))
    for run_id in (*slow, *ticking):
        await has_said(other, run_id, 3)
    seen = {run_id: await other.events(run_id) for run_id in slow}
    one.server.kill()
    for run_id in slow:
        await reaches(other, run_id, "completed")
        run = await checked(other, run_id)
        assert run_log.said(run) == [WORDS]
        events = await other.events(run_id)
        assert events[: len(seen[run_id])] == seen[run_id], "what was seen remains"
    for run_id in ticking:
        await reaches(other, run_id, "failed")
        assert run_log.failed_with_its_owner(await checked(other, run_id))
    for run_id in asking:
        while (await other.run(run_id))["status"] == "awaiting":
            await answered(other, run_id, "London")
        assert run_log.said(await checked(other, run_id))[-1] == "Ada from London likes London."
    assert sorted(await other.history(session)) == [WORDS] * 10
    # Each version lists them by the status that the other one has written.
    reader = other if killed == "old" else await fleet.start()
    assert await tasks(reader, "slow") == dict.fromkeys(slow, "completed")
    assert await tasks(reader, "ticker") == dict.fromkeys(ticking, "failed")
    assert await tasks(reader, "interviewer") == dict.fromkeys(asking, "completed")


AGENTS = ("greeter", "slow", "interviewer", "counter", "echo")


async def test_replacing_all_processes_under_load_loses_nothing(fleet: Fleet, report: Report) -> None:
    assert OLD is not None
    members = [await fleet.start(program=OLD) for _ in range(2)]
    counted = new_session_id()
    ids: dict[int, str] = {}
    followed: dict[int, list[Any]] = {}
    begun = 0

    async def call(place: int) -> None:
        nonlocal begun
        begun += 1
        agent = AGENTS[place % len(AGENTS)]
        text = WORDS[:60] if agent == "slow" else f"run {place}"
        fields = {"session_id": counted} if agent == "counter" else {}
        response, _ = await asked(
            "POST",
            "/runs",
            json=run_request(agent, text, mode="async" if agent == "slow" else "sync", **fields),
            headers={"Idempotency-Key": f"upgrade {place}"},
        )
        assert response.status_code in (200, 202), response.text
        ids[place] = response.json()["run_id"]
        if place % 10 == 1:
            followed[place] = await follow(list(reversed(members)), ids[place], patience=10)
        # The next process may be of the other version; the first answer may have been lost with its process.
        elif agent == "interviewer" and place % 10 == 2:
            await asked("POST", f"/runs/{ids[place]}", json=resume_request("Ada", "async"))

    async def asked(method: str, path: str, **fields: Any) -> tuple[httpx.Response, Member]:
        # Processes are added and removed meanwhile.
        return await ask(members, method, path, patience=10, **fields)

    async def replace() -> None:
        for index in range(2):

            async def has_begun() -> bool:
                return begun >= LOAD * (index + 1) // 3

            await until(has_begun, "a third of the runs being created")
            ending = members[0]
            members.append(await fleet.start())
            members.remove(ending)
            code = await anyio.to_thread.run_sync(ending.server.stop)
            assert code == 0, ending.server.log()

    async with anyio.create_task_group() as group:
        group.start_soon(replace)
        await each(range(LOAD), call, width=20)
    one = members[0]

    async def is_settled() -> bool:
        return sum([await one.count(status) for status in ("created", "in-progress", "cancelling")]) == 0

    await until(is_settled, "all runs being settled")
    assert (await one.http.get("/runs?limit=1")).json()["total"] == LOAD == len(set(ids.values()))
    counts = []
    for place, run_id in sorted(ids.items()):
        agent = AGENTS[place % len(AGENTS)]
        run = await checked(members[place % 2], run_id)
        if agent == "interviewer":
            while run["status"] == "awaiting":
                run = await answered(members[place % 2], run_id, "Ada")
            run = await checked(one, run_id)
        assert run["status"] == "completed", run
        if agent == "counter":
            counts.append(run_log.said(run)[0])
        if place in followed:
            assert [event.json for event in followed[place]] == await one.events(run_id)
    assert len(set(counts)) == len(counts), "each run of the session has counted once"
    for agent in AGENTS:
        of_agent = {run_id: "completed" for place, run_id in ids.items() if AGENTS[place % len(AGENTS)] == agent}
        assert await tasks(one, agent) == await listed(one, agent) == of_agent
    report(f"{LOAD} runs while two processes were replaced: all completed")


async def test_a_sqlite_file_of_the_old_version_is_continued_by_the_new_one(tmp_path: Path) -> None:
    assert OLD is not None
    storage = ("--storage", f"sqlite:{tmp_path / 'runs.sqlite'}", "--lease", "1")
    old = Server(*storage, program=OLD)
    async with httpx.AsyncClient(base_url=old.url, timeout=DEADLINE) as http:
        member = Member(old, http, "")
        session = new_session_id()
        for text in ("one", "two"):
            await create(member, "recall", text, mode="sync", session_id=session)
        asking = await each(range(3), lambda _: create(member, "interviewer", mode="sync"))
        await each(asking, lambda run_id: answered(member, run_id, "Ada"))
        slow = await create(member, "slow", WORDS)
        ticking = await create(member, "ticker", "600")
        for run_id in (slow, ticking):
            await has_said(member, run_id, 3)
    old.kill()
    new = Server(*storage)
    async with httpx.AsyncClient(base_url=new.url, timeout=DEADLINE) as http:
        member = Member(new, http, "")
        assert await listed(member, "interviewer") == dict.fromkeys(asking, "awaiting")
        assert await tasks(member, "interviewer") == dict.fromkeys(asking, "input_required")
        await reaches(member, slow, "completed")
        assert run_log.said(await checked(member, slow)) == [WORDS]
        await reaches(member, ticking, "failed")
        for run_id in asking:
            while (await member.run(run_id))["status"] == "awaiting":
                await answered(member, run_id, "London")
            assert run_log.said(await checked(member, run_id))[-1] == "Ada from London likes London."
        assert await member.history(session) == ["one", " (0)", "two", "one |  (0) (2)"]
        for agent, ids in (("interviewer", asking), ("slow", [slow])):
            assert await tasks(member, agent) == dict.fromkeys(ids, "completed")
    assert new.stop() == 0


async def test_an_old_process_starts_again_beside_new_ones(fleet: Fleet) -> None:
    old, new = await both(fleet)
    run_id = await create(old, "questioner", mode="sync")
    old.server.kill()
    try:
        again = await fleet.start(program=OLD)
    except RuntimeError as error:
        # A version that does not know which newer tables it can use: docs/deployment.md has this remedy.
        found = re.search(r"this storage supports version (\d+)", str(error))
        assert found and isinstance(fleet.storage, PostgresProcess), error
        fleet.storage.sql(f"DELETE FROM acp_schema WHERE version > {found[1]}")
        again = await fleet.start(program=OLD)
    await until(lambda: owned(new), "the run having an owner")
    assert (await answered(again, run_id, "Ada"))["status"] == "completed"
    # The next new process migrates the tables again.
    last = await fleet.start()
    await create(again, "greeter", mode="sync")
    for agent, count in (("questioner", 1), ("greeter", 1)):
        found_tasks = await tasks(last, agent)
        assert list(found_tasks.values()) == ["completed"] * count


async def owned(member: Member) -> bool:
    processes = (await member.processes()).values()
    return any(process["alive"] and process["run_count"] for process in processes)
