# SPDX-License-Identifier: Apache-2.0
"""Sessions that several server processes on one Redis share, and requests that are sent to more than one."""

from typing import Any

import pytest
import run_log
from calls import assert_error, new_session_id, run_request
from processes import Fleet, answered, checked, create, each, has_said, reaches, until

pytestmark = [pytest.mark.additions, pytest.mark.own_server]


async def test_forty_concurrent_runs_of_a_session_keep_all_of_its_history() -> None:
    async with Fleet() as fleet:
        members = [await fleet.start(), await fleet.start()]
        session = new_session_id()
        await each(
            range(40), lambda place: create(members[place % 2], "echo", f"{place}", "sync", session_id=session)
        )
        histories = [await member.history(session) for member in members]
        assert len(histories[0]) == 80
        assert histories[0][0::2] == histories[0][1::2], "the input and the output of a run stand together"
        assert sorted(histories[0][0::2], key=int) == [str(place) for place in range(40)]
        assert histories[0] == histories[1]


async def test_concurrent_runs_of_a_session_lose_no_state() -> None:
    async with Fleet() as fleet:
        members = [await fleet.start(), await fleet.start()]
        session = new_session_id()
        await each(range(20), lambda place: create(members[place % 2], "counter", "", "sync", session_id=session))
        counts = [text for text in await members[0].history(session) if text]
        assert sorted(counts, key=lambda text: int(text.split()[-1])) == [f"Count: {count}" for count in range(1, 21)]


def assert_one_after_the_other(runs: list[Any]) -> None:
    """Compares the times of the handlers' first and last output, which sort as text."""
    intervals = [(run["output"][0]["created_at"], run["output"][-1]["completed_at"]) for run in runs]
    for (_, end), (begin, _) in zip(intervals, intervals[1:]):
        assert end <= begin, intervals


async def test_queued_runs_of_a_session_follow_one_another_across_processes() -> None:
    async with Fleet("--session-runs", "queue") as fleet:
        members = [await fleet.start(), await fleet.start()]
        session = new_session_id()
        ids = [await create(members[place % 2], "slow", f"{place} x x", session_id=session) for place in range(8)]
        runs = [await reaches(members[0], run_id, "completed") for run_id in ids]
        assert_one_after_the_other(runs)
        await each(ids, lambda run_id: checked(members[1], run_id))
        assert (await members[1].history(session))[0::2] == [f"{place} x x" for place in range(8)]


async def test_queued_runs_continue_when_the_process_of_the_active_one_is_killed() -> None:
    async with Fleet("--session-runs", "queue", lease=1.5) as fleet:
        one, other = await fleet.start(), await fleet.start()
        session = new_session_id()
        # The first, which fails, and every second one after it are the dying process's.
        first = await create(one, "ticker", "600", session_id=session)
        ids = [await create((other, one)[place % 2], "slow", f"{place} x", session_id=session) for place in range(6)]
        await has_said(other, first, 2)
        one.server.kill()
        runs = [await reaches(other, run_id, "completed") for run_id in ids]
        failed = await checked(other, first)
        assert run_log.failed_with_its_owner(failed), failed
        assert_one_after_the_other([failed, *runs])
        await each(ids, lambda run_id: checked(other, run_id))


async def test_queues_of_many_sessions_outlast_a_kill_and_a_pause() -> None:
    async with Fleet("--session-runs", "queue", "--max-waiting", "1000", lease=1.5) as fleet:
        members = [await fleet.start() for _ in range(3)]
        killed, paused, survivor = members
        sessions = [new_session_id() for _ in range(15)]

        async def fill(session: str) -> list[str]:
            place = sessions.index(session)
            agents = ("slow", "ticker", "greeter") * 3
            return [
                await create(members[(place + turn) % 3], agent, "5", session_id=session)
                for turn, agent in enumerate(agents)
            ]

        ids = await each(sessions, fill)
        killed.server.kill()
        paused.server.freeze()

        async def are_gone() -> bool:
            return set(await survivor.processes()) == {survivor.process_id}

        await until(are_gone, "the runs of both being taken over")
        paused.server.thaw()
        for queue in ids:
            runs = [await reaches(survivor, run_id, "completed", "failed") for run_id in queue]
            assert all(run["status"] == "completed" or run_log.failed_with_its_owner(run) for run in runs)
            assert_one_after_the_other([run for run in runs if run["output"]])
            await each(queue, lambda run_id: checked(survivor, run_id))


async def test_runs_of_a_busy_session_are_rejected_by_every_process() -> None:
    async with Fleet("--session-runs", "refuse") as fleet:
        one, other = await fleet.start(), await fleet.start()
        session = new_session_id()
        run_id = await create(one, "questioner", mode="sync", session_id=session)
        for member in (one, other):
            response = await member.http.post("/runs", json=run_request("echo", session_id=session))
            assert_error(response, 409, "conflict")
        await create(other, "echo", mode="sync")
        assert (await answered(other, run_id, "Ada"))["status"] == "completed"
        assert (await one.http.get(f"/runs?session_id={session}")).json()["total"] == 1
        await create(one, "echo", mode="sync", session_id=session)


# Creating once


async def test_the_same_idempotency_key_at_two_processes_creates_one_run() -> None:
    async with Fleet() as fleet:
        members = [await fleet.start(), await fleet.start()]
        body = run_request("echo", "once")
        headers = {"Idempotency-Key": "the same"}
        responses = await each(
            range(20), lambda place: members[place % 2].http.post("/runs", json=body, headers=headers)
        )
        assert {response.status_code for response in responses} == {200}, [response.text for response in responses]
        assert len({response.json()["run_id"] for response in responses}) == 1
        assert {response.json()["status"] for response in responses} == {"completed"}
        assert (await members[0].http.get("/runs")).json()["total"] == 1
        run = await checked(members[1], responses[0].json()["run_id"])
        assert await members[0].history(run["session_id"]) == ["once", "once"]
        for member in members:
            other = await member.http.post("/runs", json=run_request("echo", "another"), headers=headers)
            assert_error(other, 422, "invalid_input")


async def test_a_request_whose_run_was_deleted_does_not_run_again_at_any_process() -> None:
    async with Fleet() as fleet:
        members = [await fleet.start(), await fleet.start()]
        headers = {"Idempotency-Key": "deleted"}
        run = (await members[0].http.post("/runs", json=run_request("echo", "once"), headers=headers)).json()
        assert (await members[1].http.delete(f"/runs/{run['run_id']}")).status_code == 204
        for member in members:
            repeated = await member.http.post("/runs", json=run_request("echo", "once"), headers=headers)
            assert_error(repeated, 404, "not_found")
            assert "another Idempotency-Key" in repeated.json()["message"]
            assert (await member.http.get(f"/runs/{run['run_id']}")).status_code == 404
        assert (await members[0].http.get("/runs")).json()["total"] == 0
        assert await members[0].history(run["session_id"]) == ["once", "once"]


async def test_a_request_is_repeated_at_another_process_after_the_first_one_was_killed() -> None:
    async with Fleet(lease=1.5) as fleet:
        one, other = await fleet.start(), await fleet.start()
        headers = {"Idempotency-Key": "k"}
        body = run_request("slow", "a b c d e f g h", mode="async")
        first = await one.http.post("/runs", json=body, headers=headers)
        run_id = first.json()["run_id"]
        await has_said(other, run_id, 1)
        one.server.kill()
        second = await other.http.post("/runs", json=body | {"mode": "sync"}, headers=headers)
        assert second.json()["run_id"] == run_id
        assert (second.json()["status"], run_log.said(second.json())) == ("completed", ["a b c d e f g h"])
        await checked(other, run_id)
