# SPDX-License-Identifier: Apache-2.0
"""What goes wrong while clients work: one or two faults at a time, chosen by a seed."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable

from fleet import Fleet, Slot
from history import Recorder

SlotFault = Callable[[Fleet, Slot, random.Random], Awaitable[str | None]]
"""A fault of one server. Returns what went wrong that should not have, if anything did."""


async def kill(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    await slot.kill()
    await asyncio.sleep(rng.choice([0, 0, rng.uniform(0, 2), fleet.lease * 1.5]))
    await slot.start()


async def terminate(fleet: Fleet, slot: Slot, rng: random.Random) -> str | None:
    """A rolling restart of one server."""
    problem = await slot.terminate()
    await slot.start()
    return problem


async def stop_beyond_lease(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    slot.send(signal.SIGSTOP)
    await asyncio.sleep(fleet.lease * rng.uniform(1.4, 2))
    slot.send(signal.SIGCONT)


async def pause(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    slot.send(signal.SIGSTOP)
    await asyncio.sleep(fleet.lease * rng.uniform(0.05, 0.6))
    slot.send(signal.SIGCONT)


async def jump(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    slot.set_clock(rng.choice([-1, 1]) * rng.choice([2, 30, 3_600, 90_000]))
    await asyncio.sleep(rng.uniform(0.5, 4))
    slot.set_clock(0)


async def client_cut(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    for _ in range(rng.randrange(1, 6)):
        slot.front.cut()
        await asyncio.sleep(rng.uniform(0, 0.4))


async def client_loss(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    slot.front.loss = rng.choice([0.05, 0.2, 0.6])
    await asyncio.sleep(rng.uniform(0.5, 3))
    slot.front.loss = 0


async def client_hold(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    slot.front.hold()
    await asyncio.sleep(rng.uniform(0.5, 3))
    if rng.random() < 0.5:
        slot.front.cut()
    slot.front.release()


async def back_cut(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    assert slot.back is not None
    for _ in range(rng.randrange(1, 6)):
        slot.back.cut()
        await asyncio.sleep(rng.uniform(0, 0.4))


async def back_loss(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    """Connections are cut after the request and before its response."""
    assert slot.back is not None
    slot.back.loss = rng.choice([0.02, 0.1, 0.4])
    await asyncio.sleep(rng.uniform(0.5, 3))
    slot.back.loss = 0


async def back_hold(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    """Half-open connections. What was held arrives late, possibly after the lease."""
    assert slot.back is not None
    slot.back.hold()
    await asyncio.sleep(rng.choice([rng.uniform(0.3, 2), fleet.lease * rng.uniform(1.2, 1.8)]))
    slot.back.release()


async def back_partition(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    assert slot.back is not None
    slot.back.hold()
    await asyncio.sleep(fleet.lease * rng.uniform(0.4, 1.8))
    slot.back.cut()
    slot.back.release()


async def back_refuse(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    assert slot.back is not None
    slot.back.refuses = True
    slot.back.cut()
    await asyncio.sleep(rng.uniform(0.3, 3))
    slot.back.refuses = False


async def back_slow(fleet: Fleet, slot: Slot, rng: random.Random) -> None:
    assert slot.back is not None
    slot.back.delay = rng.choice([0.01, 0.05, 0.3])
    await asyncio.sleep(rng.uniform(1, 4))
    slot.back.delay = 0


SERVER_FAULTS: dict[str, SlotFault] = {
    "kill": kill, "terminate": terminate, "stop": stop_beyond_lease, "pause": pause,
    "client-cut": client_cut, "client-loss": client_loss, "client-hold": client_hold,
}  # fmt: skip
CLOCK_FAULTS: dict[str, SlotFault] = {"clock": jump}
LINK_FAULTS: dict[str, SlotFault] = {
    "link-cut": back_cut, "link-loss": back_loss, "link-hold": back_hold, "link-partition": back_partition,
    "link-refuse": back_refuse, "link-slow": back_slow,
}  # fmt: skip


def names(fleet: Fleet) -> list[str]:
    """All faults that a fleet can have."""
    found = [*SERVER_FAULTS, *fleet.store.faults()]
    if fleet.slots and fleet.slots[0].back is not None:
        found += LINK_FAULTS
    return found + (list(CLOCK_FAULTS) if fleet.clock is not None else [])


class Nemesis:
    """Injects faults until it is stopped; then it waits for the end of those that have begun."""

    def __init__(self, fleet: Fleet, recorder: Recorder, rng: random.Random, chosen: list[str], width: int = 2) -> None:
        self._fleet = fleet
        self._recorder = recorder
        self._rng = rng
        self._chosen = chosen
        self._width = width
        self._busy: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []

    async def run(self, until: float) -> None:
        async with asyncio.TaskGroup() as group:
            while self._recorder.now() < until:
                await asyncio.sleep(self._rng.uniform(0.05, 0.8))
                free = [slot for slot in self._fleet.slots if slot.name not in self._busy]
                if len(self._busy) >= self._width or not self._chosen:
                    continue
                name = self._rng.choice(self._chosen)
                seed = self._rng.random()
                if name in self._fleet.store.faults():
                    if "storage" not in self._busy:
                        group.create_task(self._inject_into_storage(name, random.Random(seed)))
                elif free:
                    group.create_task(self._inject(name, self._rng.choice(free), random.Random(seed)))
                await asyncio.sleep(0)

    async def _inject(self, name: str, slot: Slot, rng: random.Random) -> None:
        self._busy.add(slot.name)
        record = self._recorder.fault(name, slot.name)
        self.counts[name] += 1
        try:
            fault = {**SERVER_FAULTS, **LINK_FAULTS, **CLOCK_FAULTS}[name]
            if problem := await fault(self._fleet, slot, rng):
                self.problems.append(problem)
        finally:
            record["end"] = self._recorder.now()
            self._busy.discard(slot.name)

    async def _inject_into_storage(self, name: str, rng: random.Random) -> None:
        self._busy.add("storage")
        record = self._recorder.fault(name, "storage")
        self.counts[name] += 1
        try:
            await self._fleet.store.faults()[name](rng)
        finally:
            record["end"] = self._recorder.now()
            self._busy.discard("storage")
