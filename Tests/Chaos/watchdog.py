# SPDX-License-Identifier: Apache-2.0
"""Time as it passes for a harness that is not starved: what the machine withholds is not the servers' fault."""

import asyncio
import time

INTERVAL = 0.05
TOLERATED = 0.2


class Watchdog:
    """Measures by how much its own short pauses take too long."""

    def __init__(self) -> None:
        self.starved = 0.0
        """Seconds in which the harness did not get a processor."""
        self.longest = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def now(self) -> float:
        """Seconds that have passed, without those in which the harness was starved."""
        return time.monotonic() - self.starved

    async def _watch(self) -> None:
        while True:
            begin = time.monotonic()
            await asyncio.sleep(INTERVAL)
            self.note(time.monotonic() - begin - INTERVAL)

    def note(self, late: float) -> None:
        self.longest = max(self.longest, late)
        if late > TOLERATED:
            self.starved += late
