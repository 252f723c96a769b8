# SPDX-License-Identifier: Apache-2.0
"""A thousand runs over three processes, of which one is killed and another one stopped and continued."""

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
import run_log
from calls import TERMINAL, new_session_id, resume_request, run_request
from processes import Fleet, Member, Report, ask, checked, each, follow, until

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

RUNS = int(os.environ.get("ACP_TEST_RUNS", "1000"))
"""The number of runs. A smaller number makes the test faster: 100 runs take 15 seconds."""
PATIENCE = 2.0
"""After how many seconds without a response a caller uses another process."""
WORDS = 15
AGENTS = ("slow", "interviewer", "echo", "ticker", "questioner", "greeter", "slow", "interviewer", "ticker", "echo")


@dataclass
class Call:
    """A run from the view of its caller."""

    place: int
    session: str
    run_id: str = ""
    home: Member | None = None
    followed: list[Any] = field(default_factory=list)
    is_cancelled: bool = False

    @property
    def agent(self) -> str:
        return AGENTS[self.place % len(AGENTS)]

    @property
    def text(self) -> str:
        match self.agent:
            case "slow":
                return " ".join(f"{self.place}.{word}" for word in range(WORDS))
            case "ticker":
                return str(WORDS)
            case _:
                return f"run {self.place}"


class Storm:
    def __init__(self, members: list[Member]) -> None:
        self.members = members
        sessions = [new_session_id() for _ in range(max(1, RUNS // 10))]
        self.calls = [Call(place, sessions[place % len(sessions)]) for place in range(RUNS)]
        self.begun = 0

    async def drive(self, call: Call) -> None:
        """Creates a run, whatever it takes; follows some, answers some and cancels some on the way."""
        turned = self.members[call.place % 3 :] + self.members[: call.place % 3]
        self.begun += 1
        mode = "sync" if call.agent in ("echo", "greeter", "questioner") else "async"
        response, call.home = await ask(
            turned,
            "POST",
            "/runs",
            patience=PATIENCE,
            json=run_request(call.agent, call.text, mode=mode, session_id=call.session),
            headers={"Idempotency-Key": f"storm {call.place}"},
        )
        assert response.status_code in (200, 202), response.text
        call.run_id = response.json()["run_id"]
        if call.place % 20 in (0, 3):
            call.followed = await follow(turned[1:] + turned[:1], call.run_id, patience=PATIENCE)
        elif call.place % 20 == 1:
            # While it asks; if it does not yet, or has failed with its process by now, it is not answered. Once only: a
            # second answer might be taken for one to the next question.
            path, body = f"/runs/{call.run_id}", resume_request(f"name {call.place}", "async")
            await self.members[2].http.post(path, json=body)
        elif call.place % 20 in (6, 8):
            path = f"/runs/{call.run_id}/cancel"
            response, member = await ask(turned[2:] + turned[:2], "POST", path, patience=PATIENCE)
            # A server that was killed before it responded may have cancelled the run.
            call.is_cancelled = response.status_code == 202 or member is not turned[2]

    async def has_begun(self, part: float) -> None:
        async def probe() -> bool:
            return self.begun >= RUNS * part

        await until(probe, f"{part:.0%} of the runs being created")


async def test_a_storm_leaves_no_run_behind(report: Report) -> None:
    async with Fleet("--max-waiting", "1000") as fleet:
        killed, frozen, survivor = members = [await fleet.start() for _ in range(3)]
        storm = Storm(members)
        begin = time.monotonic()
        before: dict[str, Any] = {}

        async def disturb() -> None:
            await storm.has_begun(0.4)
            killed.server.kill()
            await storm.has_begun(0.7)
            frozen.server.freeze()
            own = [call.run_id for call in storm.calls if call.home is frozen and call.run_id]

            async def is_dispossessed() -> bool:
                return frozen.process_id not in await survivor.processes()

            await until(is_dispossessed, "the runs of the stopped process being taken over")
            for run_id, run, events in await each(own, lambda run_id: state(survivor, run_id)):
                if run["status"] in TERMINAL:
                    before[run_id] = (run, events)
            frozen.server.thaw()

        async with anyio.create_task_group() as group:
            group.start_soon(disturb)
            await each(storm.calls, storm.drive, width=100)
        living = [frozen, survivor]

        async def is_settled() -> bool:
            processes = await survivor.processes()
            if set(processes) != {frozen.process_id, survivor.process_id}:
                return False
            return sum([await survivor.count(status) for status in ("created", "in-progress", "cancelling")]) == 0

        await until(is_settled, "all runs being settled")
        took = time.monotonic() - begin
        assert (await survivor.http.get("/runs?limit=1")).json()["total"] == RUNS

        runs = await each(storm.calls, lambda call: checked(survivor, call.run_id))
        outcomes = Counter((run["agent_name"], run["status"]) for run in runs)
        report(f"{RUNS} runs settled after {took:.1f} s: {dict(sorted(outcomes.items()))}")
        for call, run in zip(storm.calls, runs):
            await assert_as_expected(call, run, survivor)

        # What the stopped process has missed, it knows now: it has changed nothing, and says the same.
        assert frozen.server.count("the heartbeat had expired") > 0
        for run_id, run, events in await each(before, lambda run_id: state(frozen, run_id)):
            assert (run, events) == before[run_id]
        report(f"{len(before)} runs of the stopped process had ended before it was continued: unchanged")

        asking = [call for call, run in zip(storm.calls, runs) if run["status"] == "awaiting"]
        await each(asking, lambda call: finish(living, call))
        assert await survivor.count("awaiting") == 0
        for call in asking:
            run = runs[call.place] = await checked(living[call.place % 2], call.run_id)
            assert run["status"] == "completed"
            assert_said_once(call, run)
        assert {run["status"] for run in runs} <= TERMINAL
        await assert_histories(survivor, storm.calls, runs)


async def state(member: Member, run_id: str) -> tuple[str, Any, Any]:
    return run_id, await member.run(run_id), await member.events(run_id)


async def assert_as_expected(call: Call, run: Any, member: Member) -> None:
    where = f"{call}: {run}"
    if run["status"] == "cancelled":
        assert call.is_cancelled, where
    elif run["status"] == "failed":
        # Those that can be replayed do not fail.
        assert run_log.failed_with_its_owner(run) and call.agent != "slow", where
    elif call.agent in ("questioner", "interviewer"):
        assert run["status"] == "awaiting", where
    else:
        assert run["status"] == "completed", where
        assert_said_once(call, run)
    if call.followed:
        events = await member.events(call.run_id)
        assert [event.json for event in call.followed] == events, where
        assert [event.id for event in call.followed] == [str(index) for index in range(len(events))], where


def assert_said_once(call: Call, run: Any) -> None:
    said = run_log.said(run)
    match call.agent:
        case "slow" | "echo":
            assert said == [call.text]
        case "greeter":
            assert said == [f"Hello, {call.text}!"]
        case "ticker":
            times = said[0].split()
            assert len(times) == WORDS and times == sorted(set(times))
        case "questioner":
            assert said == ["Hello, Ada!"]
        case "interviewer":
            name = said[0].removeprefix("Nice to meet you, ").removesuffix(".")
            assert name in ("Ada", f"name {call.place}")
            assert said == [f"Nice to meet you, {name}.", "Ada is on my list.", f"{name} from Ada likes Ada."]


async def finish(members: list[Member], call: Call) -> None:
    """Answers all questions of a run, alternately at the processes."""
    for turn in range(3):
        member = members[(call.place + turn) % 2]
        response = await member.http.post(f"/runs/{call.run_id}", json=resume_request("Ada"))
        assert response.status_code == 200, response.text
        if response.json()["status"] != "awaiting":
            return


async def assert_histories(member: Member, calls: list[Call], runs: list[Any]) -> None:
    """Each session contains the whole block of each of its completed runs, once.

    A run whose process died between writing that block and saying that the run is completed leaves its block too.
    """
    blocks: dict[str, list[list[str]]] = {}
    perhaps: dict[str, list[list[str]]] = {}
    for call, run in zip(calls, runs):
        block = [call.text, *run_log.said(run)]
        if run["status"] == "completed":
            blocks.setdefault(call.session, []).append(block)
        elif run_log.failed_with_its_owner(run):
            perhaps.setdefault(call.session, []).append(block)

    async def compare(session: str) -> None:
        history = await member.history(session)
        rest, maybe = list(blocks.get(session, [])), list(perhaps.get(session, []))
        while history:
            block = next((block for block in rest + maybe if history[: len(block)] == block), None)
            assert block is not None, f"session {session}: none of {rest} begins {history}"
            (rest if block in rest else maybe).remove(block)
            history = history[len(block) :]
        assert rest == []

    await each({call.session for call in calls}, compare, width=20)
