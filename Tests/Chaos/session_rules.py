# SPDX-License-Identifier: Apache-2.0
"""Rules about sessions and about the storage: histories, states, and what is left at the end."""

from collections import defaultdict
from collections.abc import Iterator

from facts import Facts, RunFacts, Violation, contents, output_of, tag_of_input
from history import OK, REFUSED, Operation
from linearizability import Call, Undecided, is_linearizable


class Block:
    """A run's part of a session's history."""

    def __init__(self, tag: str | None, position: int) -> None:
        self.tag = tag
        self.position = position
        self.output: list[str] = []


def blocks_of(messages: list[dict]) -> list[Block]:
    """Splits a history where an input begins."""
    blocks: list[Block] = []
    for position, message in enumerate(messages):
        if message.get("role") == "user":
            blocks.append(Block(tag_of_input(message), position))
        elif not blocks:
            blocks.append(Block(None, position))
        if message.get("role") != "user":
            blocks[-1].output += contents(message)
    return blocks


def histories_are_whole(facts: Facts) -> Iterator[Violation]:
    """The history of a session has the block of each completed run, whole and once, and no other blocks.

    The blocks are in an order that the runs could have had: a run that began after the end of another one follows it.
    """
    runs = {run.tag: run for run in facts.runs.values() if run.tag is not None}
    for operation in facts.of_kind("final-history"):
        if operation.outcome != OK:
            continue
        session = operation.request["session"]
        blocks = blocks_of(operation.response["messages"])
        count: dict[str, int] = defaultdict(int)
        for block in blocks:
            run = runs.get(block.tag) if block.tag else None
            if block.tag is None or (run is None and not any(one.is_in_doubt for one in facts.creates.get(block.tag, []))):
                yield Violation(
                    "histories", session, f"entry {block.position} is not the input of a run", (operation.id,))  # fmt: skip
                continue
            count[block.tag] += 1
            if run is not None:
                yield from _check_block(facts, session, block, run, operation)
        for tag, number in count.items():
            if number > 1:
                yield Violation(
                    "histories", session, f"the block of {tag} is there {number} times", (operation.id, *_create(facts, tag)))
        yield from _missing(facts, session, count, operation)
        yield from _order(facts, session, [runs[one.tag] for one in blocks if one.tag in runs], operation)


def _create(facts: Facts, tag: str | None) -> tuple[int, ...]:
    create = facts.order(tag) if tag else None
    return (create.id,) if create else ()


def _check_block(facts: Facts, session: str, block: Block, run: RunFacts, operation: Operation) -> Iterator[Violation]:
    last = run.last
    if last is None or not last.is_terminal:
        return
    operations = (operation.id, last.operation.id, *_create(facts, run.tag))
    # A Redis Cluster stores the block before the end; a run may then end in another way.
    if last.status != "completed" and facts.storage != "cluster":
        yield Violation("histories", session, f"it has the block of {run.tag}, which is {last.status}", operations)
    elif last.status == "completed" and last.operation.kind == "final-run" and block.output != output_of(last.run):
        yield Violation(
            "histories", session, f"the block of {run.tag} is {block.output}, its output {output_of(last.run)}", operations)


def _missing(facts: Facts, session: str, count: dict[str, int], operation: Operation) -> Iterator[Violation]:
    for run in facts.runs.values():
        if run.terminal_status != "completed" or run.tag is None or run.tag in count or run.ended_at > operation.start:
            continue
        create = facts.order(run.tag)
        belongs = create is not None and create.request.get("session") == session
        if belongs or any(one.run.get("session_id") == session for one in run.seen[:1]):
            last = (run.last.operation.id,) if run.last else ()
            yield Violation(
                "histories", session, f"the block of the completed run {run.tag} is missing",
                (operation.id, *last, *_create(facts, run.tag)))  # fmt: skip


def _order(facts: Facts, session: str, runs: list[RunFacts], operation: Operation) -> Iterator[Violation]:
    """Finds a run in the history before another one that had ended before the first one began."""
    latest_start, latest = -1.0, None
    for run in runs:
        create = facts.order(run.tag or "")
        if create is None:
            continue
        if latest is not None and run.ended_at < latest_start:
            yield Violation(
                "histories", session, f"{run.tag} follows {latest.tag}, which began after the end of {run.tag}",
                (operation.id, create.id, *_create(facts, latest.tag)))  # fmt: skip
            return
        if create.start > latest_start:
            latest_start, latest = create.start, run


def histories_grow(facts: Facts) -> Iterator[Violation]:
    """A history that somebody has read is the beginning of every later one."""
    final = {one.request["session"]: one for one in facts.of_kind("final-history") if one.outcome == OK}
    for read in facts.of_kind("history"):
        end = final.get(read.request["session"])
        if end is None or read.outcome != OK:
            continue
        messages = read.response["messages"]
        if end.response["messages"][: len(messages)] != messages:
            yield Violation(
                "histories-grow", read.request["session"], "entries that were read before are not there, or have changed",
                (read.id, end.id))  # fmt: skip


def states_are_linearizable(facts: Facts) -> Iterator[Violation]:
    """All operations on the state of a session could have happened one after the other."""
    calls: dict[str, list[Call]] = defaultdict(list)
    runs = {run.tag: run for run in facts.runs.values() if run.tag is not None}
    for tag, creates in facts.creates.items():
        create = min(creates, key=lambda one: one.start)
        if create.request["agent"] == "state" and any(one.outcome != REFUSED for one in creates):
            calls[create.request["session"]].append(_call(create, runs.get(tag)))
    for read in facts.of_kind("state", "final-state"):
        if read.outcome == OK:
            calls[read.request["session"]].append(
                Call("get", read.start, read.until, seen=read.response["state"], operation=read.id))
    for session, found in calls.items():
        try:
            if is_linearizable(found):
                continue
        except Undecided as reason:
            yield Violation("undecided", session, f"its state could not be checked: {reason}")
            continue
        yield Violation(
            "states-linearizable", session, f"no order of {len(found)} operations explains what they returned",
            tuple(one.operation for one in found))  # fmt: skip


def _call(create: Operation, run: RunFacts | None) -> Call:
    order = create.request["order"]
    kind = order["operation"]
    value, expected = order.get("value"), order.get("expected")
    text = "".join(run.parts).partition(".")[2] if run is not None and run.terminal_status == "completed" else ""
    if run is None or not text:
        return Call(kind, create.start, value=value, expected=expected, in_doubt=True, operation=create.id)
    name, _, seen = text.partition(":")
    return Call(
        kind, create.start, run.ended_at, value=value, expected=expected, seen=seen or None,
        succeeded=name == "swapped", operation=create.id)  # fmt: skip


def nothing_is_left(facts: Facts) -> Iterator[Violation]:
    """When all runs and sessions have been deleted, nothing of them is in the storage."""
    for name in facts.history.leftovers or []:
        yield Violation("nothing-left", name, "it is in the storage, and nothing refers to it")


def servers_live(facts: Facts) -> Iterator[Violation]:
    """A server ends only if it is told to, and then with exit code 0."""
    for crash in facts.history.crashes:
        yield Violation("servers-live", "server", crash)


RULES = [
    histories_are_whole, histories_grow, states_are_linearizable, nothing_is_left, servers_live,
]  # fmt: skip
