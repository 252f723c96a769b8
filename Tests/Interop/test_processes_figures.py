# SPDX-License-Identifier: Apache-2.0
"""The costs of several processes, and how long they take to detect that one was killed. The figures are printed."""

import os
import re
import socket
import time
from collections import Counter
from datetime import datetime, timezone

import anyio
import pytest
import run_log
from processes import Fleet, Report, answered, checked, create, each, has_said, until

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

AWAITING = int(os.environ.get("ACP_TEST_IDLE_RUNS", "1000"))
ORPHANS = 50
WINDOW = 12.0
"""For how many seconds commands are counted: six leases, eighteen heartbeats."""


@pytest.mark.parametrize("lease", [1.0, 3.0])
async def test_orphans_are_handled_soon_after_the_lease(lease: float, report: Report) -> None:
    async with Fleet(lease=lease) as fleet:
        one, other, third = [await fleet.start() for _ in range(3)]
        ticking = await each(range(ORPHANS), lambda _: create(one, "ticker", "600"))
        awaiting = await each(range(ORPHANS), lambda _: create(one, "questioner", mode="sync"))
        slow = await each(range(ORPHANS), lambda _: create(one, "slow", "x " * 300))
        await has_said(other, ticking[-1], 2)
        killed = datetime.now(timezone.utc)
        begin = time.monotonic()
        one.server.kill()

        async def is_over() -> bool:
            processes = await other.processes()
            own = sum(process["run_count"] for process in processes.values())
            return one.process_id not in processes and own == 2 * ORPHANS

        await until(is_over, "all orphans being handled")
        handled = time.monotonic() - begin
        ends = [run["finished_at"] for run in await each(ticking, lambda run_id: checked(third, run_id))]
        last = (datetime.fromisoformat(max(ends)) - killed).total_seconds()
        report(
            f"lease {lease} s: {3 * ORPHANS} orphans; the last of {ORPHANS} failed {last:.2f} s after the kill, "
            f"all handled after {handled:.2f} s",
        )
        # The lease, a third of it until somebody looks, and the work itself.
        assert last < 2 * lease + 10
        assert {run_log.failed_with_its_owner(await checked(other, run_id)) for run_id in ticking} == {True}
        for run_id in awaiting:
            assert (await answered(third, run_id, "Ada"))["status"] == "completed"
        for run_id in slow:
            await other.http.post(f"/runs/{run_id}/cancel")


class Monitor:
    """Monitors all commands that a Redis receives."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(b"MONITOR\r\n")
        self._pending = b""

    def commands(self, seconds: float) -> Counter[str]:
        """The commands that clients send from now on for a while; not those that scripts call."""
        commands: Counter[str] = Counter()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                break
            assert data, "Redis has closed the connection"
            *lines, self._pending = (self._pending + data).split(b"\r\n")
            for line in lines:
                found = re.match(rb'\+[\d.]+ \[\d+ (\S+)\] "(\w+)"', line)
                if found and found[1] != b"lua":
                    commands[found[2].decode().upper()] += 1
        return commands

    def close(self) -> None:
        self._socket.close()


async def test_an_idle_process_sends_the_same_few_commands_with_many_awaiting_runs(
    report: Report,
) -> None:
    async with Fleet(lease=2) as fleet:

        async def measured(what: str, leases: int = 2) -> float:
            monitor = Monitor(fleet.storage.port)
            try:
                # Housekeeping of what was done before comes to its end first.
                await anyio.to_thread.run_sync(monitor.commands, leases * fleet.lease)
                commands = await anyio.to_thread.run_sync(monitor.commands, WINDOW)
            finally:
                monitor.close()
            rate = commands.total() / WINDOW
            report(f"idle, {what}: {rate:.2f} commands per second {dict(commands)}, lease {fleet.lease} s")
            return rate

        one = await fleet.start()
        empty = await measured("0 awaiting runs")
        ids = await each(range(AWAITING), lambda _: create(one, "questioner", mode="sync"))
        own = await measured(f"{AWAITING} awaiting runs of its own")
        one.server.kill()
        other = await fleet.start()

        async def has_all() -> bool:
            return set(processes := await other.processes()) == {other.process_id} and (
                processes[other.process_id]["run_count"] == AWAITING
            )

        begin = time.monotonic()
        await until(has_all, "the dead process's runs being taken over")
        report(f"{AWAITING} awaiting runs taken over {time.monotonic() - begin:.2f} s after the restart")
        # For ten leases it is checked whether a request of the dead process arrives late.
        adopted = await measured(f"{AWAITING} awaiting runs of a process that died", leases=13)
        # A heartbeat more or less may fall into the window.
        tolerance = 0.15 * empty + 2 / WINDOW * 4
        assert abs(own - empty) <= tolerance
        assert abs(adopted - empty) <= tolerance
        assert empty < 10
        runs = await each(ids[::10], lambda run_id: answered(other, run_id, "Ada"))
        assert {run["status"] for run in runs} == {"completed"}
