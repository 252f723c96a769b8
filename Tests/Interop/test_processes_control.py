# SPDX-License-Identifier: Apache-2.0
"""Cancelling runs of other server processes on one Redis, and listing the owners of runs."""

import json
import os
import subprocess
from typing import Any

import pytest
import run_log
from processes import Fleet, Member, answered, checked, create, each, has_said, reaches, until
from server_process import binary

pytestmark = [pytest.mark.additions, pytest.mark.own_server]


# Cancelling


async def test_a_cancellation_through_another_process_is_visible_at_once_in_a_third() -> None:
    async with Fleet() as fleet:
        one, other, third = [await fleet.start() for _ in range(3)]
        for agent, text in (("slow", "x " * 600), ("ticker", "600"), ("questioner", "")):
            run_id = await create(one, agent, text)
            response = await other.http.post(f"/runs/{run_id}/cancel")
            assert (response.status_code, response.json()["status"]) == (202, "cancelling")
            assert (await third.run(run_id))["status"] in ("cancelling", "cancelled")
            await reaches(third, run_id, "cancelled")
            await checked(other, run_id)


async def test_a_cancellation_of_a_stopped_process_s_run_is_performed_by_its_next_owner() -> None:
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
        await until(lambda: gives_up(one, 3), "the stopped process giving its runs up", of=one)
        assert [await one.run(run_id) for run_id in ids] == runs
        assert [await one.events(run_id) for run_id in ids] == events
        await each(ids, lambda run_id: checked(one, run_id))


async def test_a_cancellation_of_an_awaiting_run_whose_process_was_killed_is_performed() -> None:
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
    return member.server.count("the run was abandoned by this process") >= count


# Looking


def tool(member: Member, *words: str) -> Any:
    environment = {**os.environ, "ACP_URL": member.server.url}
    done = subprocess.run(
        [str(binary()), *words, "--json"], capture_output=True, text=True, timeout=60, env=environment
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listed(member: Member) -> dict[str, tuple[bool, int]]:
    """Returns the output of `acp processes`: the processes, and how many runs each owns."""
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
