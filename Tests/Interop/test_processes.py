# SPDX-License-Identifier: Apache-2.0
"""Server processes on one Redis that are restarted, killed and stopped: their runs go on elsewhere."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import run_log
from calls import assert_error, new_session_id, resume_request, run_request
from processes import DEADLINE, Fleet, Member, events_after, follow, until
from server_process import binary

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

AWAITING = int(os.environ.get("ACP_TEST_AWAITING", "200"))
ANSWERS = ("Ada", "Paris", "figs")


def report(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """Shows a figure, whether or not output is captured."""
    with capsys.disabled():
        print(f"\n  {line}")


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


# Following


async def test_ten_reconnects_to_alternating_processes_give_exactly_the_stored_events() -> None:
    async with Fleet() as fleet:
        members = [await fleet.start(), await fleet.start()]
        words = [f"word{index}" for index in range(40)]
        run_id = await create(members[0], "slow", " ".join(words))
        seen: list[Any] = []
        for turn in range(10):
            stream = events_after(members[turn % 2], run_id, seen[-1].id if seen else None)
            for _ in range(3):
                seen.append(await anext(stream))
            # Leaves in the middle of the stream; the connection is closed.
            await stream.aclose()
        assert seen[-1].json["type"] == "message.part", "the run has not ended before the last reconnect"
        async for event in events_after(members[0], run_id, seen[-1].id):
            seen.append(event)
        events = await members[1].events(run_id)
        assert [event.id for event in seen] == [str(index) for index in range(len(events))]
        assert [event.json for event in seen] == events
        assert run_log.said(await checked(members[1], run_id)) == [" ".join(words)]


async def test_a_follower_elsewhere_sees_a_run_change_hands() -> None:
    async with Fleet(lease=1.5) as fleet:
        one, other, third = [await fleet.start() for _ in range(3)]
        text = " ".join(f"word{index}" for index in range(20))
        run_id = await create(one, "slow", text)
        await has_said(other, run_id, 3)
        one.server.kill()
        seen = [event async for event in events_after(third, run_id, None)]
        assert [event.json for event in seen] == await other.events(run_id)
        run = await checked(other, run_id)
        assert (run["status"], run_log.said(run)) == ("completed", [text])


# Restarts


async def restart(fleet: Fleet, members: list[Member], *, by_kill: bool) -> list[Member]:
    for member in members:
        member.server.kill() if by_kill else member.server.terminate()
    for member in members:
        assert by_kill or await anyio.to_thread.run_sync(member.server.exit_code) == 0, member.server.log()
    return [await fleet.start() for _ in members]


async def test_awaiting_runs_survive_restarts_of_all_processes(capsys: pytest.CaptureFixture[str]) -> None:
    async with Fleet("--grace", "5") as fleet:
        members = [await fleet.start(), await fleet.start()]
        places = range(AWAITING)
        ids = await each(places, lambda place: create(members[place % 2], "interviewer", mode="sync"))

        members = await restart(fleet, members, by_kill=False)
        assert await members[0].count("awaiting") == AWAITING
        begin = time.monotonic()
        runs = await each(places, lambda place: answered(members[place % 2], ids[place], f"{ANSWERS[0]}{place}"))
        report(capsys, f"{AWAITING} runs answered after a restart by SIGTERM in {time.monotonic() - begin:.1f} s")
        assert {run["status"] for run in runs} == {"awaiting"}
        for place, run in enumerate(runs):
            assert run_log.said(run) == [f"Nice to meet you, Ada{place}."]

        members = await restart(fleet, members, by_kill=True)
        assert await members[0].count("awaiting") == AWAITING
        # The owners are dead and nobody may have noticed yet: the answers wait for whoever takes the runs over.
        begin = time.monotonic()
        runs = await each(places, lambda place: answered(members[place % 2], ids[place], ANSWERS[1]))
        report(
            capsys,
            f"{AWAITING} runs answered after a restart by SIGKILL in {time.monotonic() - begin:.1f} s, lease {fleet.lease} s",
        )
        assert {run["status"] for run in runs} == {"awaiting"}
        await each(places, lambda place: answered(members[(place + 1) % 2], ids[place], ANSWERS[2]))
        for place, run in enumerate(await each(ids, lambda run_id: checked(members[0], run_id))):
            assert run["status"] == "completed"
            assert run_log.said(run) == [
                f"Nice to meet you, Ada{place}.",
                "Paris is on my list.",
                f"Ada{place} from Paris likes figs.",
            ]
            assert await members[place % 2].history(run["session_id"]) == ["hi", *run_log.said(run)]


async def test_a_rolling_restart_hands_runs_over_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    # Only the hand-over can explain that anything goes on within a small part of such a lease.
    async with Fleet("--grace", "1", lease=600) as fleet:
        one, other = await fleet.start(), await fleet.start()
        text = " ".join(f"word{index}" for index in range(30))
        awaiting = await each(range(30), lambda _: create(one, "interviewer", mode="sync"))
        slow = await each(range(10), lambda _: create(one, "slow", text))
        ticking = await each(range(3), lambda _: create(one, "ticker", "600"))
        await each(slow, lambda run_id: has_said(other, run_id, 2))

        begin = time.monotonic()
        one.server.terminate()

        async def has_all() -> bool:
            processes = await other.processes()
            return processes[other.process_id]["run_count"] >= len(awaiting)

        await until(has_all, "awaiting runs being handed over")
        report(capsys, f"30 awaiting runs handed over {time.monotonic() - begin:.2f} s after SIGTERM")
        runs = await each(awaiting, lambda run_id: answered(other, run_id, "Ada"))
        assert all(run_log.said(run) == ["Nice to meet you, Ada."] for run in runs)
        assert await anyio.to_thread.run_sync(one.server.exit_code) == 0, one.server.log()
        left = time.monotonic() - begin

        for run_id in slow:
            run = await reaches(other, run_id, "completed")
            assert run_log.said(run) == [text]
            run_log.check(run, await other.events(run_id))
        took = time.monotonic() - begin
        report(capsys, f"left after {left:.2f} s (grace 1 s); runs of 6 s completed elsewhere {took:.2f} s after SIGTERM")
        assert took < fleet.lease / 3
        for run_id in ticking:
            run = await checked(other, run_id)
            assert run["status"] == "failed" and "shut down" in run["error"]["message"]
        assert set(await other.processes()) == {other.process_id}
        for place in ("Paris", "figs"):
            await each(awaiting, lambda run_id: answered(other, run_id, place))
        for run in await each(awaiting, lambda run_id: checked(other, run_id)):
            assert (run["status"], len(run["output"])) == ("completed", 3)


async def test_runs_go_from_hand_to_hand_while_all_processes_are_replaced() -> None:
    async with Fleet("--grace", "0.5", lease=600) as fleet:
        living = [await fleet.start(), await fleet.start()]
        text = " ".join(f"word{index}" for index in range(60))
        slow = await each(range(4), lambda place: create(living[place % 2], "slow", text))
        asking = await each(range(20), lambda place: create(living[place % 2], "interviewer", mode="sync"))
        followed: list[Any] = []

        async def watch() -> None:
            followed.extend(await follow(living, slow[0], patience=DEADLINE))

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            for answer in ANSWERS:
                await has_said(living[1], slow[-1], 1 + len(await living[1].events(slow[-1])))
                oldest = living.pop(0)
                living.append(await fleet.start())
                oldest.server.terminate()
                # At once, though their process is just about to go.
                runs = await each(asking, lambda run_id: answered(living[0], run_id, answer))
                assert await anyio.to_thread.run_sync(oldest.server.exit_code) == 0, oldest.server.log()
            assert {run["status"] for run in runs} == {"completed"}
            for run_id in slow:
                assert run_log.said(await reaches(living[0], run_id, "completed")) == [text]
        assert [event.json for event in followed] == await living[0].events(slow[0])
        for run_id in slow + asking:
            await checked(living[1], run_id)


async def test_runs_survive_one_death_after_the_other() -> None:
    async with Fleet(lease=1) as fleet:
        living = [await fleet.start(), await fleet.start()]
        texts = [" ".join(f"{place}.{word}" for word in range(40)) for place in range(10)]
        slow = await each(texts, lambda text: create(living[0], "slow", text))
        asking = await each(range(10), lambda _: create(living[0], "interviewer", mode="sync"))
        await has_said(living[1], slow[-1], 3)
        for death in range(4):
            processes = await living[0].processes()
            victim = max(living, key=lambda member: processes[member.process_id]["run_count"])
            living.remove(victim)
            victim.server.kill()
            living.append(await fleet.start())
            owned = processes[victim.process_id]["run_count"]
            # The next one dies after it has taken over what there is, or in the middle of that.
            enough = 0 if death % 2 == 0 else owned - 1

            async def is_taken_over() -> bool:
                left = (await living[0].processes()).get(victim.process_id)
                return left is None or left["run_count"] <= enough

            await until(is_taken_over, "the dead process's runs being taken over")
            if death % 2 == 0:
                answer = ANSWERS[death // 2]
                await each(asking, lambda run_id: answered(living[0], run_id, answer))
        for run_id in asking:
            run = await answered(living[1], run_id, ANSWERS[2])
            assert run_log.said(run)[1:] == ["Paris is on my list.", "Ada from Paris likes figs."]
            await checked(living[0], run_id)
        for run_id, text in zip(slow, texts):
            assert run_log.said(await reaches(living[0], run_id, "completed")) == [text]
            await checked(living[1], run_id)


async def test_a_process_hears_after_a_pause_what_it_was_told_meanwhile() -> None:
    # Shorter than the lease: nobody else may answer for it.
    async with Fleet(lease=600) as fleet:
        one, other = await fleet.start(), await fleet.start()
        asking = await create(one, "questioner", mode="sync")
        slow = await create(one, "slow", "x " * 600)
        one.server.freeze()
        assert (await answered(other, asking, "Ada", "async"))["status"] == "in-progress"
        cancelled = await other.http.post(f"/runs/{slow}/cancel")
        assert cancelled.json()["status"] == "cancelling"
        response = await other.http.post(f"/runs/{asking}", json=resume_request("Bob", "async"))
        assert_error(response, 403, "conflict")
        one.server.thaw()
        assert run_log.said(await reaches(other, asking, "completed")) == ["Hello, Ada!"]
        await reaches(other, slow, "cancelled")
        for run_id in (asking, slow):
            await checked(other, run_id)


async def test_runs_outlast_a_storage_that_stops_for_longer_than_the_lease() -> None:
    async with Fleet(lease=1) as fleet:
        members = [await fleet.start() for _ in range(3)]
        slow = await each(range(6), lambda place: create(members[place % 3], "slow", "x " * 30))
        ticking = await each(range(15), lambda place: create(members[place % 3], "ticker", "30"))
        asking = await each(range(15), lambda place: create(members[place % 3], "questioner", mode="sync"))
        await each(slow + ticking, lambda run_id: has_said(members[0], run_id, 2))
        fleet.redis.freeze()
        # Longer than the lease: every process has missed its heartbeats then, and none has died.
        await anyio.sleep(3 * fleet.lease)
        fleet.redis.thaw()
        for run_id in ticking + slow:
            assert (await reaches(members[0], run_id, "completed", "failed"))["status"] == "completed"
            await checked(members[1], run_id)
        for place, run_id in enumerate(asking):
            assert run_log.said(await answered(members[place % 2], run_id, "Ada")) == ["Hello, Ada!"]
            await checked(members[1], run_id)


async def test_runs_that_wait_for_a_place_go_on_elsewhere() -> None:
    async with Fleet("--max-runs", "2", "--max-waiting", "3", lease=1) as fleet:
        one, other = await fleet.start(), await fleet.start()
        ids = [await create(one, "slow", f"{place} " * 8) for place in range(5)]
        refused = await one.http.post("/runs", json=run_request("slow", "x"))
        assert_error(refused, 503)
        assert int(refused.headers["Retry-After"]) > 0
        await has_said(other, ids[0], 1)
        one.server.kill()
        for place, run_id in enumerate(ids):
            run = await reaches(other, run_id, "completed")
            assert run_log.said(run) == [" ".join([f"{place}"] * 8)]
            await checked(other, run_id)


# Sessions


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
    """Compares what the handlers did, from the first word to the last, in times that sort as text."""
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


async def test_queued_runs_go_on_when_the_process_of_the_running_one_dies() -> None:
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
            return [
                await create(members[(place + turn) % 3], ("slow", "ticker", "greeter")[turn % 3], "5", session_id=session)
                for turn in range(9)
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


async def test_runs_of_a_busy_session_are_refused_by_every_process() -> None:
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


async def test_a_request_is_repeated_at_another_process_after_the_first_one_died() -> None:
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


# Cancelling


async def test_a_cancel_through_another_process_shows_at_once_in_a_third() -> None:
    async with Fleet() as fleet:
        one, other, third = [await fleet.start() for _ in range(3)]
        for agent, text in (("slow", "x " * 600), ("ticker", "600"), ("questioner", "")):
            run_id = await create(one, agent, text)
            response = await other.http.post(f"/runs/{run_id}/cancel")
            assert (response.status_code, response.json()["status"]) == (202, "cancelling")
            assert (await third.run(run_id))["status"] in ("cancelling", "cancelled")
            await reaches(third, run_id, "cancelled")
            await checked(other, run_id)


async def test_a_cancel_of_a_stopped_process_s_run_is_obeyed_by_its_next_owner() -> None:
    async with Fleet(lease=1.5) as fleet:
        one, other, third = [await fleet.start() for _ in range(3)]
        ids = [await create(one, "slow", "x " * 600), await create(one, "ticker", "600")]
        ids.append(await create(one, "questioner", mode="sync"))
        for run_id in ids[:2]:
            await has_said(other, run_id, 2)
        one.server.freeze()
        for run_id in ids:
            response = await other.http.post(f"/runs/{run_id}/cancel")
            assert (response.status_code, response.json()["status"]) == (202, "cancelling")
            assert (await third.run(run_id))["status"] in ("cancelling", "cancelled")
        runs = [await reaches(third, run_id, "cancelled") for run_id in ids]
        events = [await third.events(run_id) for run_id in ids]
        one.server.thaw()
        await until(lambda: gives_up(one, 3), "the stopped process giving its runs up")
        assert [await one.run(run_id) for run_id in ids] == runs
        assert [await one.events(run_id) for run_id in ids] == events
        await each(ids, lambda run_id: checked(one, run_id))


async def test_a_cancel_of_an_awaiting_run_whose_process_died_is_obeyed() -> None:
    async with Fleet(lease=1) as fleet:
        one, other, third = [await fleet.start() for _ in range(3)]
        ids = await each(range(8), lambda _: create(one, "questioner", mode="sync"))
        one.server.kill()
        early, late = ids[:4], ids[4:]
        # Before anybody has taken them over, and after it.
        await each(early, lambda run_id: other.http.post(f"/runs/{run_id}/cancel"))

        async def is_over() -> bool:
            return one.process_id not in await other.processes()

        await until(is_over, "the dead process's runs being taken over")
        await each(late, lambda run_id: third.http.post(f"/runs/{run_id}/cancel"))
        for run_id in ids:
            await reaches(other, run_id, "cancelled")
            await checked(third, run_id)


async def gives_up(member: Member, count: int) -> bool:
    return member.server.count("the run is given up here") >= count


# Looking


def tool(member: Member, *words: str) -> Any:
    environment = {**os.environ, "ACP_URL": member.server.url}
    done = subprocess.run(
        [str(binary()), *words, "--json"], capture_output=True, text=True, timeout=60, env=environment
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listed(member: Member) -> dict[str, tuple[bool, int]]:
    """What `acp processes` shows: who is alive, and how many runs each owns."""
    processes = tool(member, "processes")["processes"]
    assert [one["process_id"] for one in processes if one["this"]] == [member.process_id]
    return {one["process_id"]: (one["alive"], one["run_count"]) for one in processes}


async def test_the_tool_shows_processes_and_their_runs_after_a_kill_too() -> None:
    async with Fleet() as fleet:
        one, other = await fleet.start(), await fleet.start()
        awaiting = await each(range(5), lambda _: create(one, "questioner", mode="sync"))
        ticking = await each(range(2), lambda _: create(one, "ticker", "600"))
        mine = await create(other, "questioner", mode="sync")
        assert listed(other) == {one.process_id: (True, 7), other.process_id: (True, 1)}
        assert listed(one) == listed(other)

        def runs(status: str) -> set[str]:
            page = tool(other, "runs", "--status", status, "--limit", "100")
            assert page["total"] == len(page["runs"])
            return {run["run_id"] for run in page["runs"]}

        assert runs("awaiting") == {*awaiting, mine}
        assert runs("in-progress") == set(ticking)

        one.server.kill()
        # It is alive until the lease says otherwise; then its runs have no owner, and then another one.
        assert listed(other)[other.process_id][0]

        async def is_over() -> bool:
            return listed(other) == {other.process_id: (True, 6)}

        await until(is_over, "the dead process's runs being taken over")
        assert runs("awaiting") == {*awaiting, mine}
        assert runs("in-progress") == set()
        for run_id in ticking:
            assert run_log.failed_with_its_owner(await checked(other, run_id))
        await each(awaiting, lambda run_id: answered(other, run_id, "Ada"))
        assert runs("awaiting") == {mine}
        assert listed(other) == {other.process_id: (True, 1)}
