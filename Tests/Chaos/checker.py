# SPDX-License-Identifier: Apache-2.0
"""Checks a history against the promises of the protocol. It shares no code with the servers.

  python checker.py HISTORY.jsonl
"""

import sys
from pathlib import Path

import run_rules
import session_rules
from facts import Facts, Violation
from history import History, encoded
from shrink import shrink

RULES = [*run_rules.RULES, *session_rules.RULES]


def check(history: History) -> list[Violation]:
    """Returns what is wrong with a history."""
    facts = Facts(history)
    return [violation for rule in RULES for violation in rule(facts)]


def shortest(history: History, violation: Violation) -> History:
    """Returns the shortest history that violates the same rule for the same run or session."""
    rule = next(rule for rule in RULES if any(_is_same(one, violation) for one in rule(Facts(history))))

    def fails(operations: list) -> bool:
        return any(_is_same(one, violation) for one in rule(Facts(history.only(operations))))

    # Most operations have nothing to do with it.
    named = [one for one in history.operations if one.id in violation.operations]
    start = named if named and fails(named) else history.operations
    if not fails(list(start)):
        return history
    return history.only(shrink(start, fails))


def _is_same(one: Violation, other: Violation) -> bool:
    return (one.rule, one.subject) == (other.rule, other.subject)


def report(history: History, violations: list[Violation], limit: int = 10) -> str:
    """Describes violations, with the shortest history of the first one of each rule."""
    lines = []
    shown: set[str] = set()
    for violation in violations[:limit]:
        lines.append(str(violation))
        if violation.rule in shown or not history.operations or violation.rule in ("nothing-left", "servers-live"):
            continue
        shown.add(violation.rule)
        short = shortest(history, violation)
        lines.append(f"  the shortest history of it ({len(short.operations)} of {len(history.operations)} operations):")
        lines += [f"    {encoded(one)[:2_000]}" for one in short.operations[:20]]
        times = [one.start for one in short.operations]
        near = [one for one in history.faults if _overlaps(one, min(times) - 5, max(times) + 5)]
        lines += [f"    fault: {one['name']} of {one['target']} from {one['start']} to {one['end']}" for one in near[:12]]
    if len(violations) > limit:
        lines.append(f"… and {len(violations) - limit} more")
    return "\n".join(lines)


def _overlaps(fault: dict, start: float, end: float) -> bool:
    return fault["start"] <= end and (fault["end"] is None or fault["end"] >= start)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    count = 0
    for name in sys.argv[1:]:
        history = History.load(Path(name))
        violations = check(history)
        count += len(violations)
        print(f"{name}: {len(history.operations)} operations, {len(violations)} violations")
        if violations:
            print(report(history, violations))
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
