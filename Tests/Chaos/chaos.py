# SPDX-License-Identifier: Apache-2.0
"""Server processes on one storage, random requests and random faults, and a checker that knows only the protocol."""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from checker import check, report
from ending import Ending
from facts import Violation
from faults import Nemesis, names
from fleet import Fleet, binary
from history import UNKNOWN, History, Recorder
from storages import store_named
from watchdog import Watchdog
from workload import Workload

STORAGES = ("redis", "sentinel", "cluster", "postgres", "sqlite")


@dataclass
class Options:
    """What one run of the harness does."""

    storage: str
    seed: int
    seconds: float
    round_seconds: float = 20
    processes: int = 3
    clients: int = 8
    lease: float = 3
    faults: list[str] | None = None
    """All, if `None`."""
    keep: Path | None = None
    """The folder of histories. They are kept if they are wrong, and always if `keeps_all` is set."""
    keeps_all: bool = False
    server_options: list[str] = field(default_factory=list)
    width: int = 2
    """How many faults there are at a time."""


@dataclass
class Result:
    """What came of it."""

    violations: list[Violation] = field(default_factory=list)
    text: str = ""
    operations: int = 0
    in_doubt: int = 0
    events: int = 0
    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    seconds: float = 0
    starved: float = 0

    def summary(self) -> str:
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.operations} operations ({self.in_doubt} in doubt), {self.runs} runs, {self.events} events seen, "
            f"{sum(self.faults.values())} faults ({kinds}) in {self.seconds:.0f} s; "
            f"starved for {self.starved:.1f} s; {len(self.violations)} violations"
        )


async def perform(options: Options) -> Result:
    """Runs rounds until the time is up or a round has failed."""
    result = Result()
    watchdog = Watchdog()
    begin = time.monotonic()
    wants_clock = options.faults is None or "clock" in options.faults
    fleet = Fleet(
        store_named(options.storage), options.seed, options.processes, options.lease, options.server_options, wants_clock)
    try:
        await fleet.start()
        watchdog.start()
        number = 0
        while (left := options.seconds - (time.monotonic() - begin)) > 0 and not result.violations:
            # The first round always takes place.
            length = min(options.round_seconds, max(left, 5))
            await _round(fleet, options, number, length, watchdog, result)
            number += 1
    except Exception:
        _note_time(result, begin, watchdog)
        print(f"{options.storage}: the harness failed after {result.summary()}", flush=True)
        raise
    finally:
        watchdog.stop()
        await fleet.close()
    _note_time(result, begin, watchdog)
    return result


def _note_time(result: Result, begin: float, watchdog: Watchdog) -> None:
    result.seconds = time.monotonic() - begin
    result.starved = watchdog.starved


async def _round(
    fleet: Fleet, options: Options, number: int, length: float, watchdog: Watchdog, result: Result
) -> None:
    seed = options.seed + number
    recorder = Recorder(storage=options.storage, seed=seed, lease=options.lease, round=number)
    endpoints = await fleet.connect(recorder)
    for endpoint in endpoints:
        for is_streaming in (False, True):
            await endpoint.a2a_client("steps", is_streaming)
    workload = Workload(endpoints, recorder, seed, f"r{number}t")
    possible = names(fleet)
    chosen = [name for name in possible if options.faults is None or name in options.faults]
    nemesis = Nemesis(fleet, recorder, random.Random(seed), chosen, options.width)
    async with asyncio.TaskGroup() as group:
        group.create_task(workload.run(options.clients, length))
        group.create_task(nemesis.run(length))
    history = recorder.history
    history.crashes += nemesis.problems + fleet.crashes()
    await fleet.heal()
    ending = Ending(workload, endpoints, recorder, watchdog, seed)
    await ending.settle(options.lease * 3 + 12 + fleet.store.recovery, fleet.store.stored_runs)
    await ending.probe(3)
    await ending.read_everything(fleet.store.recovery)
    await ending.delete_everything()
    history.leftovers = await ending.leftovers(fleet.store.leftovers, fleet.store.recovery)
    history.crashes += fleet.crashes()
    violations = await asyncio.to_thread(check, history)
    result.violations += violations
    result.operations += len(history.operations)
    result.in_doubt += sum(one.outcome == UNKNOWN for one in history.operations)
    result.events += sum(len(one.response.get("events") or []) for one in history.operations)
    result.runs += len({one.response["run_id"] for one in history.operations if "run_id" in one.response})
    result.faults += nemesis.counts
    _keep(fleet, history, violations, options, number, result)


def _keep(
    fleet: Fleet, history: History, violations: list[Violation], options: Options, number: int, result: Result
) -> None:
    if options.keep is None or not (violations or options.keeps_all):
        return
    options.keep.mkdir(parents=True, exist_ok=True)
    path = options.keep / f"{options.storage}-{options.seed}-{number}.jsonl"
    history.save(path)
    if violations:
        for slot in fleet.slots:
            (options.keep / f"{options.storage}-{options.seed}-{number}-{slot.name}.log").write_text(slot.log_tail(2_000_000))
        result.text = report(history, violations)
        result.text += f"\n\nThe history and the servers' logs: {path}\nCheck it again: {sys.executable} {Path(__file__).parent / 'checker.py'} {path}"


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos ARGS=…", description=__doc__)
    parser.add_argument("--storage", action="append", choices=[*STORAGES, "all"], help="default: all, one after the other")
    parser.add_argument("--seconds", type=float, default=60, help="for each storage (default: 60)")
    parser.add_argument("--round", type=float, default=20, help="seconds with faults before everything is checked (default: 20)")
    parser.add_argument("--seed", type=int, default=None, help="chooses requests and faults (default: another one each time)")
    parser.add_argument("--processes", type=int, default=3, help="how many servers share the storage (default: 3)")
    parser.add_argument("--clients", type=int, default=8, help="how many requests are sent at a time (default: 8)")
    parser.add_argument("--lease", type=float, default=3, help="the servers' lease in seconds (default: 3)")
    parser.add_argument("--faults", default="all", help="names separated by commas, all, or none; --list shows them")
    parser.add_argument("--break", dest="broken", help="a promise that the servers violate: the checker has to find it")
    parser.add_argument("--rate", type=float, default=0.5, help="how often, with --break (default: 0.5)")
    parser.add_argument("--keep", type=Path, default=Path("/tmp/chaos"), help="the folder of histories (default: /tmp/chaos)")
    parser.add_argument("--keep-all", action="store_true", help="keep histories in which nothing is wrong")
    parser.add_argument("--queue", action="store_true", help="runs of a session follow one another")
    return parser.parse_args()


def main() -> int:
    arguments = parsed()
    if not binary().is_file():
        print(f"{binary()} does not exist: swift build --product ChaosServer", file=sys.stderr)
        return 2
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1_000_000)
    chosen = arguments.storage or ["all"]
    storages = STORAGES if "all" in chosen else chosen
    faults = {"all": None, "none": []}.get(arguments.faults, arguments.faults.split(","))
    server_options = ["--break", arguments.broken, "--break-rate", str(arguments.rate)] if arguments.broken else []
    server_options += ["--session-runs", "queue"] if arguments.queue else []
    failed = False
    for storage in storages:
        print(f"{storage}: seed {seed}", flush=True)
        options = Options(
            storage, seed, arguments.seconds, arguments.round, arguments.processes, arguments.clients, arguments.lease,
            faults, arguments.keep, arguments.keep_all, server_options)  # fmt: skip
        result = asyncio.run(perform(options))
        print(f"{storage}: {result.summary()}", flush=True)
        if result.violations:
            failed = True
            print(result.text)
            again = " ".join(sys.argv[1:])
            if arguments.storage != [storage]:
                again += f" --storage {storage}"
            if arguments.seed is None:
                again += f" --seed {seed}"
            print(f"See it again: make chaos ARGS=\"{again.strip()}\" (the order of events differs from run to run)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
