# SPDX-License-Identifier: Apache-2.0
"""Runs tests in lanes: processes beside each other, because most tests wait most of the time.

Prints a line when a lane ends. Of a lane that fails it prints all output. Fails if a test of a lane did not run.
"""

import argparse
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from lanes import FILE, Lane, LaneError, assign, filters

ROOT = Path(__file__).resolve().parents[2]
PROGRESS_INTERVAL = 30.0
PROCESSOR_SHARE = 1.25
"""Lanes are started for as long as they need no more processors than there are, times this."""
DEFAULTS = {
    # Swift Testing records a backtrace of every error that a test throws, for events that nobody reads here. Tests of parsers,
    # which throw many errors, take a third less time without.
    "SWT_SWIFT_ERROR_BACKTRACING_ENABLED": "0",
}
"""Variables of all lanes, unless they are set."""


class TestProgram:
    """The built tests."""

    def __init__(self, folder: Path) -> None:
        if platform.system() == "Linux":
            programs = sorted(folder.glob("*PackageTests.xctest"))
            if len(programs) != 1:
                raise LaneError(f"{folder} holds {len(programs)} test programs: build it by 'swift build --build-tests'")
            self._command = [str(programs[0]), "--testing-library", "swift-testing"]
            self._list_command = [*self._command, "--list-tests"]
        else:
            # Elsewhere the tests are a bundle that only SwiftPM can load. Its lock would let one lane run at a time.
            base = ["swift", "test", "--skip-build", "--disable-xctest", "--ignore-lock"]
            self._command = base
            self._list_command = ["swift", "test", "list", "--skip-build", "--disable-xctest"]

    def tests(self) -> list[str]:
        """The identifiers of all tests."""
        done = subprocess.run(self._list_command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
        return [line for line in done.stdout.splitlines() if "/" in line and "." in line.partition("/")[0]]

    def command(self, lane: Lane, lanes: list[Lane], events: Path) -> list[str]:
        order = ["--no-parallel"] if lane.width == 1 else ["--parallel"]
        return [
            *self._command, *order, *filters(lane, lanes),
            "--event-stream-output-path", str(events), "--event-stream-version", "0",
        ]  # fmt: skip


@dataclass
class Outcome:
    """What became of the tests of a lane."""

    seconds: dict[str, float] = field(default_factory=dict)
    """How long each test that has ended took."""
    running: set[str] = field(default_factory=set)
    """Tests that have begun and not ended."""
    skipped: int = 0
    with_cases: set[str] = field(default_factory=set)
    """Tests whose time is known also where tests run beside each other."""

    @staticmethod
    def read(events: Path) -> "Outcome":
        """Reads the records that Swift Testing has written so far."""
        outcome = Outcome()
        begun: dict[str, float] = {}
        functions: set[str] = set()
        if not events.exists():
            return outcome
        with events.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue  # The last line of a process that crashed.
                payload = record["payload"]
                kind = payload["kind"]
                if record["kind"] == "test":
                    if kind == "function":
                        functions.add(payload["id"])
                    continue
                test = payload.get("testID")
                if test not in functions:
                    continue
                moment = payload["instant"]["absolute"]
                if kind == "testStarted":
                    begun[test] = moment
                elif kind == "testCaseStarted" and test not in outcome.with_cases:
                    # Where tests run beside each other, a test starts before it is its turn, and its first case when it is.
                    outcome.with_cases.add(test)
                    begun[test] = moment
                elif kind == "testEnded":
                    outcome.seconds[test] = moment - begun.pop(test, moment)
                elif kind == "testSkipped":
                    outcome.skipped += 1
        outcome.running = set(begun)
        return outcome


class LaneProcess:
    """A lane that runs, or has run."""

    def __init__(self, lane: Lane, command: list[str], events: Path, log: Path) -> None:
        self.lane = lane
        self.log = log
        self._events = events
        self._begin = time.monotonic()
        self._is_late = False
        self.took = 0.0
        self.processor_time = 0.0
        environment = {**DEFAULTS, **os.environ, **lane.environment}
        if lane.width > 1:
            environment["SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH"] = str(lane.width)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, env=environment,
                # A group of its own, so that all of it can be ended.
                start_new_session=True,
            )  # fmt: skip

    def has_ended(self) -> bool:
        if not self._collect(os.WNOHANG):
            if time.monotonic() - self._begin < self.lane.minutes * 60:
                return False
            self._is_late = True
            self.end()
        self.took = time.monotonic() - self._begin
        return True

    def end(self) -> None:
        """Ends the lane with all that it has started."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._collect(0)

    def _collect(self, options: int) -> bool:
        """Whether the process has ended, with the processor time that it and what it has waited for has used."""
        if self._process.returncode is None:
            pid, status, usage = os.wait4(self._process.pid, options)
            if pid == 0:
                return False
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self.processor_time = usage.ru_utime + usage.ru_stime
        return True

    def outcome(self) -> Outcome:
        return Outcome.read(self._events)

    def problems(self, outcome: Outcome) -> list[str]:
        """Why the lane has failed. Empty if it has not."""
        problems = []
        code = self._process.returncode
        if self._is_late:
            problems.append(f"it took more than {self.lane.minutes} minutes and was ended")
        elif code < 0:
            problems.append(f"it crashed: {signal.Signals(-code).name}")
        elif code > 0:
            problems.append(f"exit code {code}")
        if outcome.running:
            problems.append("while these tests ran: " + ", ".join(sorted(outcome.running)))
        count = len(outcome.seconds) + outcome.skipped
        if count != len(self.lane.tests):
            problems.append(f"{count} of its {len(self.lane.tests)} tests have ended")
        return problems

    def summary(self, outcome: Outcome) -> str:
        if self.lane.command:
            lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
            return lines[-1].strip("= ") if lines else "no output"
        text = f"{len(outcome.seconds)} tests"
        return text + (f", {outcome.skipped} skipped" if outcome.skipped else "")

    def print_output(self) -> None:
        """Prints the output without the lines that only say what has begun or passed."""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if not line.startswith(("◇", "✔")):
                    print(line if len(line) < 4000 else line[:4000] + "…\n", end="")


def run(lanes: list[Lane], program: TestProgram, all_lanes: list[Lane], slowest: int, logs: Path) -> bool:
    """Runs lanes beside each other. Returns whether all have succeeded."""
    begin = time.monotonic()
    budget = (os.cpu_count() or 1) * PROCESSOR_SHARE
    waiting = list(lanes)
    processes: list[LaneProcess] = []
    running: list[LaneProcess] = []
    failed: list[tuple[str, list[str]]] = []
    durations: dict[str, float] = {}
    try:
        last = begin
        while waiting or running:
            for lane in list(waiting):
                if running and sum(process.lane.processors for process in running) + lane.processors > budget:
                    continue
                waiting.remove(lane)
                events = logs / f"{lane.name}.jsonl"
                command = lane.command or program.command(lane, all_lanes, events)
                processes.append(LaneProcess(lane, command, events, logs / f"{lane.name}.log"))
                running.append(processes[-1])
            time.sleep(0.1)
            for process in [process for process in running if process.has_ended()]:
                running.remove(process)
                last = time.monotonic()
                outcome = process.outcome()
                is_known = outcome.seconds.keys() if process.lane.width == 1 else outcome.with_cases
                durations |= {test: took for test, took in outcome.seconds.items() if test in is_known}
                problems = process.problems(outcome)
                mark = "failed" if problems else "passed"
                times = f"{process.took:4.0f} s ({process.processor_time:.0f} s of a processor)"
                print(f"{process.lane.name:18} {mark} after {times}: {process.summary(outcome)}", flush=True)
                if problems:
                    failed.append((process.lane.name, problems))
                    print(f"--- output of lane {process.lane.name}")
                    process.print_output()
                    print(f"--- lane {process.lane.name} failed: " + "\n".join(problems), flush=True)
            if running and time.monotonic() - last > PROGRESS_INTERVAL:
                last = time.monotonic()
                print(f"  {last - begin:4.0f} s: {', '.join(p.lane.name for p in running)} still running", flush=True)
    finally:
        for process in processes:
            process.end()
    for test, seconds in sorted(durations.items(), key=lambda item: -item[1])[:slowest]:
        print(f"  {seconds:6.1f} s  {test.rpartition('/')[0]}")
    count = sum(len(lane.tests) for lane in lanes)
    print(f"{count} Swift tests in {len(lanes)} lanes after {time.monotonic() - begin:.0f} s; output in {logs}")
    for name, problems in failed:
        print(f"lane {name} failed: " + "; ".join(problems), file=sys.stderr)
    return not failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="lanes to run; all, if none is named")
    parser.add_argument("--quick", action="store_true", help="the lanes that need no server and no other program")
    parser.add_argument("--list", action="store_true", help="print the lanes with their numbers of tests, and run nothing")
    parser.add_argument("--slowest", type=int, default=0, metavar="N", help="print the N tests that took longest")
    parser.add_argument("--program", type=Path, help="the folder with the built tests")
    parser.add_argument("--lanes", type=Path, default=FILE, help="another lanes.toml")
    options = parser.parse_args()
    try:
        lanes = Lane.load(options.lanes)
        program = TestProgram(options.program or ROOT / ".build" / "debug")
        assign(program.tests(), lanes)
        unknown = set(options.names) - {lane.name for lane in lanes}
        if unknown:
            raise LaneError(f"there is no lane {', '.join(sorted(unknown))}")
    except LaneError as error:
        print(f"{options.lanes}:\n{error}", file=sys.stderr)
        return 2
    if options.list:
        for lane in lanes:
            what = shlex.join(lane.command) if lane.command else f"{len(lane.tests)} tests, {lane.width} at a time"
            print(f"{lane.name:18} {what}")
        return 0
    chosen = [
        lane for lane in lanes
        if (not options.names or lane.name in options.names) and (lane.is_quick or not options.quick)
    ]  # fmt: skip
    logs = Path(tempfile.mkdtemp(prefix="acp-lanes-"))
    # A signal must end the lanes too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return 0 if run(chosen, program, lanes, options.slowest, logs) else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
