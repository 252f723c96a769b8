# SPDX-License-Identifier: Apache-2.0
"""The end of a round, without faults: all runs end, everything is read, everything is deleted."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from clients import Endpoint
from history import OK, TERMINAL, UNKNOWN, Operation, Recorder
from watchdog import Watchdog
from workload import Workload

T = TypeVar("T")
WIDTH = 12
ATTEMPTS = 40
PROBE_DEADLINE = 20.0


async def each(values: Iterable[T], action: Callable[[T], Awaitable[Any]]) -> None:
    """Performs an action with each value, a few at a time."""
    pending = list(values)

    async def work() -> None:
        while pending:
            await action(pending.pop())

    await asyncio.gather(*(work() for _ in range(WIDTH)))


async def certainly(attempt: Callable[[], Awaitable[Operation]]) -> Operation:
    """Repeats an operation until it is not in doubt: there are no faults any more."""
    for _ in range(ATTEMPTS):
        operation = await attempt()
        if operation.outcome != UNKNOWN:
            break
        await asyncio.sleep(0.25)
    return operation


class Ending:
    """Ends what a workload has begun."""

    def __init__(
        self, workload: Workload, endpoints: list[Endpoint], recorder: Recorder, watchdog: Watchdog, seed: int
    ) -> None:
        self._workload = workload
        self._endpoints = endpoints
        self._recorder = recorder
        self._watchdog = watchdog
        self._rng = random.Random(seed)
        self._deleted: set[str] = set()

    def _endpoint(self) -> Endpoint:
        return self._rng.choice(self._endpoints)

    async def settle(self, seconds: float, stored: Callable[[], Awaitable[set[str]]]) -> None:
        """Answers and cancels what waits, until all runs and followers have ended or the time is up.

        A list may lack a run while the storage repairs it, so that nothing in a list does not mean that nothing waits:
        `stored` returns the runs that must be in a list first.
        """
        end = self._watchdog.now() + seconds
        while self._watchdog.now() < end:
            unfinished = {}
            for status in ("created", "in-progress", "awaiting", "cancelling"):
                listed = await certainly(lambda: self._endpoint().read_list("settling", status=status))
                unfinished |= {run["run_id"]: run for run in listed.response.get("runs") or []}
            listed = await certainly(lambda: self._endpoint().read_list("settling-all"))
            runs = listed.response.get("runs") or []
            unfinished |= {run["run_id"]: run for run in runs if run["status"] not in TERMINAL}
            await each(unfinished.values(), self._finish)
            found = {run["run_id"] for run in runs}
            if not unfinished and not self._workload.followed() and await stored() <= found:
                break
            await asyncio.sleep(0.2)
        self._workload.stop_following()

    async def _finish(self, run: dict[str, Any]) -> None:
        if run["status"] != "awaiting":
            return
        if self._rng.random() < 0.3:
            await self._endpoint().cancel(run["run_id"])
        else:
            await self._endpoint().answer(run["run_id"], self._workload.tag(), "async")

    async def probe(self, count: int) -> None:
        """Measures how long an event takes to a follower at another server, and an answer to the owner of its run."""
        for number in range(count):
            servers = [self._endpoints[(number + place) % len(self._endpoints)] for place in range(3)]
            operation = self._recorder.begin("probe", servers[0].name, number=number)
            begin = self._watchdog.now()
            try:
                async with asyncio.timeout(PROBE_DEADLINE):
                    run = await self._converse(servers, f"{self._workload.name}p{number}")
                self._recorder.end(operation, OK, seconds=round(self._watchdog.now() - begin, 3), of=run)
            except TimeoutError:
                self._recorder.end(operation, OK, seconds=PROBE_DEADLINE)

    async def _converse(self, servers: list[Endpoint], tag: str) -> str:
        """Creates a run at one server, which is followed at a second one and answered at a third one."""
        order = {"tag": tag, "questions": 1, "steps": 0}
        request = {
            "agent": "asker", "tag": tag, "order": order, "protocol": "acp", "own": True, "session": str(uuid.uuid4()),
            "key": None, "mode": "async",
        }  # fmt: skip
        self._workload.sessions.add(request["session"])
        created = await certainly(lambda: servers[0].create(servers[0].begin("create", **request)))
        run = str(created.response.get("run_id"))
        operation = servers[1].begin("follow", run=run, after=-1, follower=-1)
        # Keep-alive comments arrive every 15 seconds.
        following = asyncio.create_task(
            servers[1].stream(operation, "GET", f"/runs/{run}/events", headers={"Accept": "text/event-stream"}, timeout=60))
        try:
            while not any(one["event"]["type"] == "run.awaiting" for one in operation.response.get("events", [])):
                await asyncio.sleep(0.02)
            await servers[2].answer(run, f"{tag}answer", "async")
            await following
        finally:
            following.cancel()
        return run

    async def read_everything(self, recovery: float) -> None:
        """Reads all runs, events, histories and states, and compares a few with another server.

        A list may lack runs for `recovery` seconds after the faults.
        """
        runs = {run.id for run in self._workload.runs if not run.is_deleted}
        end = self._watchdog.now() + recovery
        while True:
            listed = await certainly(lambda: self._endpoint().read_list("final-list"))
            found = {run["run_id"] for run in listed.response.get("runs") or []}
            if runs <= found or self._watchdog.now() > end:
                break
            # The list may still be repaired: it does not count.
            listed.kind = "settling"
            await asyncio.sleep(1)
        runs |= found
        for run in listed.response.get("runs") or []:
            self._workload.sessions.add(run["session_id"])

        async def read_session(session: str) -> None:
            for _ in range(2 if self._rng.random() < 0.2 else 1):
                await certainly(lambda: self._endpoint().read_history(session, "final-history"))
            await certainly(lambda: self._endpoint().read_state(session, "final-state"))

        await each(runs, self._read_run)
        await each(self._workload.sessions, read_session)

    async def _read_run(self, run: str) -> None:
        await certainly(lambda: self._endpoint().read_run(run, "final-run"))
        for _ in range(2 if self._rng.random() < 0.2 else 1):
            await certainly(lambda: self._endpoint().read_events(run, "final-events"))

    async def _delete_run(self, run: str) -> None:
        self._deleted.add(run)
        await certainly(lambda: self._endpoint().delete_run(run))

    async def delete_everything(self) -> None:
        """Deletes all runs that have ended, and all sessions."""
        ended = {
            one.response["run"]["run_id"]
            for one in self._recorder.history.operations
            if one.kind == "final-run" and one.outcome == OK and one.response["run"]["status"] in TERMINAL
        }
        await each(ended, self._delete_run)
        await each(self._workload.sessions, lambda one: certainly(lambda: self._endpoint().delete_session(one)))

    async def leftovers(self, read: Callable[[], Awaitable[list[str]]], recovery: float) -> list[str]:
        """Returns what is left in the storage after `recovery` seconds: a deletion that a fault interrupted is completed
        by then, and a run whose creation was in doubt when the faults ended is stored by then or never."""
        end = self._watchdog.now() + recovery
        while (found := await read()) and self._watchdog.now() < end:
            await self._end_late_runs()
            await asyncio.sleep(1)
        return found

    async def _end_late_runs(self) -> None:
        """Reads and deletes runs that were not there when everything was read."""
        listed = await certainly(lambda: self._endpoint().read_list("settling"))
        late = [run for run in listed.response.get("runs") or [] if run["run_id"] not in self._deleted]
        await each(late, self._finish)
        ended = {run["run_id"] for run in late if run["status"] in TERMINAL}
        await each(ended, self._read_run)
        await each(ended, self._delete_run)
