# SPDX-License-Identifier: Apache-2.0
"""The lanes of lanes.toml, and which tests run in which of them."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).with_name("lanes.toml")


class LaneError(Exception):
    """lanes.toml does not fit the tests. The message names the lines to change."""


@dataclass
class Lane:
    """Tests, or a command, that run in a process of their own beside the other lanes."""

    name: str
    targets: list[str] = field(default_factory=list)
    """Test targets (`ACPCoreTests`) and suites (`ACPCoreTests.MessageTests`)."""
    width: int = 1
    """How many tests run at the same time."""
    processors: float = 1
    """How much of a processor the lane uses while it runs. Lanes that wait most of the time need little."""
    is_quick: bool = False
    """The tests need no server but their own and no other program."""
    command: list[str] = field(default_factory=list)
    """A program instead of Swift tests."""
    environment: dict[str, str] = field(default_factory=dict)
    minutes: int = 15
    """The lane is ended, and has failed, if it takes longer."""
    tests: list[str] = field(default_factory=list)
    """The tests of the lane, by their identifiers, once they have been assigned."""

    @staticmethod
    def load(path: Path = FILE) -> list["Lane"]:
        """Reads all lanes, in the order in which they are to be started.

        Throws `LaneError` if a lane has a field that does not exist, or has neither targets nor a command.
        """
        lanes = []
        for name, fields in tomllib.loads(path.read_text(encoding="utf-8")).items():
            try:
                lane = Lane(name, **fields)
            except TypeError as error:
                raise LaneError(f"lane {name}: {error}") from None
            if bool(lane.targets) == bool(lane.command):
                raise LaneError(f"lane {name}: it needs either targets or a command")
            lanes.append(lane)
        return lanes


def assign(tests: list[str], lanes: list[Lane]) -> None:
    """Gives each test to the lane that names its suite, or else to the one that names its target.

    Throws `LaneError` unless each test has exactly one lane and each name in a lane has a test.
    """
    owners: dict[str, Lane] = {}
    problems = []
    for lane in lanes:
        lane.tests = []
        for target in lane.targets:
            if target in owners:
                problems.append(f"{target} is in two lanes: {owners[target].name} and {lane.name}")
            owners[target] = lane
    used: set[str] = set()
    homeless: set[str] = set()
    for test in tests:
        suite = test.partition("/")[0]
        name = suite if suite in owners else suite.partition(".")[0]
        if name in owners:
            owners[name].tests.append(test)
            used.add(name)
        else:
            homeless.add(name)
    problems += [f"{name} is in no lane" for name in sorted(homeless)]
    problems += [f"{name} (lane {owners[name].name}) has no test" for name in owners if name not in used]
    if problems:
        raise LaneError("\n".join(problems))


def filters(lane: Lane, lanes: list[Lane]) -> list[str]:
    """The arguments with which the test program runs the tests of a lane and no others."""
    arguments = []
    for target in lane.targets:
        arguments += ["--filter", _pattern(target)]
        # Suites of the target that another lane names.
        for other in lanes:
            if other is not lane:
                for name in other.targets:
                    if name.startswith(target + "."):
                        arguments += ["--skip", _pattern(name)]
    return arguments


def _pattern(target: str) -> str:
    return f"^{target.replace('.', '[.]')}[./]"
