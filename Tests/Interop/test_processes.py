# SPDX-License-Identifier: Apache-2.0
"""Server processes on one Redis that are restarted, killed and stopped: their runs continue in other processes."""

import os
import time
from typing import Any

import anyio
import pytest
import run_log
from calls import assert_error, resume_request, run_request
from processes import (
    DEADLINE,
    Fleet,
    Member,
    Report,
    answered,
    checked,
    create,
    each,
    events_after,
    follow,
    has_said,
    reaches,
    until,
)

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

AWAITING = int(os.environ.get("ACP_TEST_AWAITING", "200"))
ANSWERS = ("Ada", "Paris", "figs")


# Following


async def test_ten_reconnects_to_alternating_processes_return_exactly_the_stored_events() -> None:
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


async def test_a_follower_at_another_process_follows_a_run_to_its_next_owner() -> None:
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


# How long awaiting runs stay in memory.
@pytest.mark.parametrize("stay", ["60", "0.1"])
async def test_awaiting_runs_survive_restarts_of_all_processes(stay: str, report: Report) -> None:
    async with Fleet("--grace", "5", "--leave-memory-after", stay) as fleet:
        members = [await fleet.start(), await fleet.start()]
        places = range(AWAITING)
        ids = await each(places, lambda place: create(members[place % 2], "interviewer", mode="sync"))

        members = await restart(fleet, members, by_kill=False)
        assert await members[0].count("awaiting") == AWAITING
        begin = time.monotonic()
        runs = await each(places, lambda place: answered(members[place % 2], ids[place], f"{ANSWERS[0]}{place}"))
        report(f"{AWAITING} runs answered after a restart by SIGTERM in {time.monotonic() - begin:.1f} s")
        assert {run["status"] for run in runs} == {"awaiting"}
        for place, run in enumerate(runs):
            assert run_log.said(run) == [f"Nice to meet you, Ada{place}."]

        members = await restart(fleet, members, by_kill=True)
        assert await members[0].count("awaiting") == AWAITING
        # The owners are dead and nobody may have noticed yet: the answers wait for whoever takes the runs over.
        begin = time.monotonic()
        runs = await each(places, lambda place: answered(members[place % 2], ids[place], ANSWERS[1]))
        took = time.monotonic() - begin
        report(f"{AWAITING} runs answered after a restart by SIGKILL in {took:.1f} s, lease {fleet.lease} s")
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


async def test_a_rolling_restart_hands_runs_over_at_once(report: Report) -> None:
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
        report(f"30 awaiting runs handed over {time.monotonic() - begin:.2f} s after SIGTERM")
        runs = await each(awaiting, lambda run_id: answered(other, run_id, "Ada"))
        assert all(run_log.said(run) == ["Nice to meet you, Ada."] for run in runs)
        assert await anyio.to_thread.run_sync(one.server.exit_code) == 0, one.server.log()
        left = time.monotonic() - begin

        for run_id in slow:
            run = await reaches(other, run_id, "completed")
            assert run_log.said(run) == [text]
            run_log.check(run, await other.events(run_id))
        took = time.monotonic() - begin
        report(f"left after {left:.2f} s (grace 1 s); runs of 6 s completed {took:.2f} s after SIGTERM")
        assert took < fleet.lease / 3
        for run_id in ticking:
            run = await checked(other, run_id)
            assert run["status"] == "failed" and "shut down" in run["error"]["message"]
        assert set(await other.processes()) == {other.process_id}
        for place in ("Paris", "figs"):
            await each(awaiting, lambda run_id: answered(other, run_id, place))
        for run in await each(awaiting, lambda run_id: checked(other, run_id)):
            assert (run["status"], len(run["output"])) == ("completed", 3)


async def test_runs_are_handed_over_while_all_processes_are_replaced() -> None:
    # Within the grace period, runs that were answered reach their next question, and slow runs (12 s) do not end.
    async with Fleet("--grace", "2", lease=600) as fleet:
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


@pytest.mark.parametrize("stay", ["60", "0.1"])
async def test_runs_survive_repeated_kills(stay: str) -> None:
    async with Fleet("--leave-memory-after", stay, lease=1) as fleet:
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


async def test_a_process_receives_signals_that_were_sent_during_a_pause() -> None:
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
        fleet.storage.freeze()
        # Longer than the lease: every process has missed its heartbeats then, and none has died.
        await anyio.sleep(3 * fleet.lease)
        fleet.storage.thaw()
        for run_id in ticking + slow:
            assert (await reaches(members[0], run_id, "completed", "failed"))["status"] == "completed"
            await checked(members[1], run_id)
        for place, run_id in enumerate(asking):
            assert run_log.said(await answered(members[place % 2], run_id, "Ada")) == ["Hello, Ada!"]
            await checked(members[1], run_id)


async def test_queued_runs_continue_in_another_process() -> None:
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
