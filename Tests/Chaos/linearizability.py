# SPDX-License-Identifier: Apache-2.0
"""Whether operations on one register could have happened one after the other, each between its start and its end.

The search of Wing and Gong with Lowe's memoization: a set of operations that have taken effect, together with the value that
they leave, is tried once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

INFINITY = float("inf")
Value = str | None


@dataclass(frozen=True)
class Call:
    """An operation on the register."""

    kind: str
    """`set` returns the value that it replaces, `cas` whether it has replaced the expected one, `get` the value."""
    start: float
    end: float = INFINITY
    """Infinite if the operation is in doubt: it may take effect at any time after its start, or never."""
    value: Value = None
    """The new value of `set` and `cas`."""
    expected: Value = None
    """The value that `cas` replaces."""
    seen: Value = None
    """The value that was there: returned by `set`, by `get`, and by a `cas` that has not replaced it."""
    succeeded: bool = True
    """Whether `cas` has replaced the value."""
    in_doubt: bool = False
    operation: int = -1
    """The operation of the history."""


def apply(call: Call, value: Value) -> tuple[bool, Value]:
    """Returns whether a call could return what it did if the register has a value, and the value after it."""
    if call.in_doubt:
        if call.kind == "cas":
            return True, call.value if value == call.expected else value
        return True, call.value if call.kind == "set" else value
    if call.kind == "set":
        return value == call.seen, call.value
    if call.kind == "cas":
        if call.succeeded:
            return value == call.expected, call.value
        return value == call.seen and value != call.expected, value
    return value == call.seen, value


def relevant(calls: Sequence[Call]) -> list[Call]:
    """Omits operations in doubt whose value nobody has seen: values are unique, so that they need not have happened."""
    seen = {call.seen for call in calls if not call.in_doubt}
    seen |= {call.expected for call in calls if call.kind == "cas"}
    return [call for call in calls if not call.in_doubt or (call.kind != "get" and call.value in seen)]


class Undecided(Exception):
    """The search was given up."""


def is_linearizable(calls: Sequence[Call], initial: Value = None, limit: int = 2_000_000) -> bool:
    """Returns whether an order exists in which each call could return what it did.

    Throws `Undecided` after `limit` steps.
    """
    calls = sorted(relevant(calls), key=lambda call: call.start)
    count = len(calls)
    required = sum(1 << place for place, call in enumerate(calls) if not call.in_doubt)
    visited: set[tuple[int, Value]] = set()
    pending: list[tuple[int, Value]] = [(0, initial)]
    steps = 0
    while pending:
        done, value = pending.pop()
        if done & required == required:
            return True
        if (done, value) in visited:
            continue
        visited.add((done, value))
        steps += 1
        if steps > limit:
            raise Undecided(f"{count} operations, {steps} states")
        # Whatever starts after the end of an operation that is not done yet cannot be before that one.
        bound = INFINITY
        candidates = []
        for place, call in enumerate(calls):
            if done >> place & 1:
                continue
            if call.start > bound:
                break
            candidates.append(place)
            if not call.in_doubt:
                bound = min(bound, call.end)
        for place in reversed(candidates):
            call = calls[place]
            if call.start > bound:
                continue
            is_possible, after = apply(call, value)
            if is_possible:
                pending.append((done | 1 << place, after))
    return False
