# SPDX-License-Identifier: Apache-2.0
"""What a history says about each run and session, collected for the rules of the checker."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from history import OK, REFUSED, TERMINAL, History, Operation, shorten

CREATED = "create"
REPLAYED = ("steps", "asker")
"""Agents whose runs continue after the end of their process."""


@dataclass(frozen=True)
class Violation:
    """A promise that was not kept."""

    rule: str
    subject: str
    """The run, session or tag."""
    message: str
    operations: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"[{self.rule}] {self.subject}: {self.message}"


@dataclass(frozen=True)
class SeenRun:
    """A run as a response contained it."""

    operation: Operation
    run: dict[str, Any]

    @property
    def status(self) -> str:
        return str(self.run["status"])

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL


@dataclass(frozen=True)
class SeenEvent:
    """An event as a stream or a page contained it."""

    operation: Operation
    id: int
    at: float
    event: dict[str, Any]

    @property
    def terminal_status(self) -> str | None:
        status = str(self.event.get("type", "")).removeprefix("run.")
        return status if status in TERMINAL else None


@dataclass
class RunFacts:
    """Everything that a history says about one run."""

    id: str
    seen: list[SeenRun] = field(default_factory=list)
    events: list[SeenEvent] = field(default_factory=list)
    creates: list[Operation] = field(default_factory=list)
    """The requests that have returned this run."""
    answers: list[Operation] = field(default_factory=list)
    cancels: list[Operation] = field(default_factory=list)
    deletes: list[Operation] = field(default_factory=list)
    reads: list[Operation] = field(default_factory=list)
    """Requests for the run, its events or its stream."""
    tag: str | None = None

    @cached_property
    def final(self) -> SeenRun | None:
        """The run after the faults."""
        found = [one for one in self.seen if one.operation.kind == "final-run"]
        return found[-1] if found else None

    @cached_property
    def last(self) -> SeenRun | None:
        """The run when it was seen for the last time, with its end, if that was seen."""
        if self.final is not None:
            return self.final
        ended = [one for one in self.seen if one.is_terminal]
        return (ended or self.seen or [None])[-1]

    @cached_property
    def log(self) -> dict[int, dict[str, Any]]:
        """The events by their ids. If they differ, another rule finds it."""
        return {one.id: one.event for one in self.events}

    @cached_property
    def ended_at(self) -> float:
        """When somebody first knew that the run had ended."""
        moments = [one.operation.until for one in self.seen if one.is_terminal]
        moments += [one.at for one in self.events if one.terminal_status]
        return min(moments, default=float("inf"))

    @cached_property
    def terminal_status(self) -> str | None:
        for one in self.seen:
            if one.is_terminal:
                return one.status
        for event in self.events:
            if event.terminal_status:
                return event.terminal_status
        return None

    def is_deleted_before(self, moment: float) -> bool:
        """Whether the run may have been deleted before a moment."""
        return any(delete.start < moment and delete.outcome != REFUSED for delete in self.deletes)

    @cached_property
    def parts(self) -> list[str]:
        """The contents of all parts that the agent is known to have sent, from the first one on."""
        found = []
        for id in range(len(self.log)):
            # What follows an event that nobody has seen is not known to follow the parts before it.
            if id not in self.log:
                break
            if self.log[id].get("type") == "message.part":
                found.append(str(self.log[id]["part"].get("content")))
        if not found:
            # Large contents are references in lists.
            whole = [one for one in self.seen if "content_url" not in str(one.run.get("output"))]
            if whole:
                found = output_of(([one for one in whole if one.is_terminal] or whole)[-1].run)
        return found


def output_of(run: dict[str, Any]) -> list[str]:
    return [str(part.get("content")) for message in run.get("output") or [] for part in message.get("parts") or []]


class Facts:
    """A history by runs, tags, and sessions."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.runs: dict[str, RunFacts] = {}
        self.creates: dict[str, list[Operation]] = defaultdict(list)
        """The requests with each tag: several if they have the same idempotency key."""
        self.by_kind: dict[str, list[Operation]] = defaultdict(list)
        for operation in history.operations:
            self.by_kind[operation.kind].append(operation)
            self._add(operation)
        self._find_tags()

    @property
    def lease(self) -> float:
        return float(self.history.meta.get("lease", 3))

    @property
    def storage(self) -> str:
        return str(self.history.meta.get("storage", ""))

    def run(self, id: str) -> RunFacts:
        if id not in self.runs:
            self.runs[id] = RunFacts(id)
        return self.runs[id]

    def of_kind(self, *kinds: str) -> Iterator[Operation]:
        for kind in kinds:
            yield from self.by_kind.get(kind, [])

    def order(self, tag: str) -> Operation | None:
        """The first request with a tag."""
        found = self.creates.get(tag)
        return min(found, key=lambda one: one.start) if found else None

    def _add(self, operation: Operation) -> None:
        target = operation.request.get("run")
        if operation.kind == CREATED:
            self.creates[operation.request["tag"]].append(operation)
            target = operation.response.get("run_id")
            if target:
                self.run(target).creates.append(operation)
        elif target:
            facts = self.run(target)
            lists = {"answer": facts.answers, "cancel": facts.cancels, "delete": facts.deletes}
            lists.get(operation.kind, facts.reads).append(operation)
        if run := operation.response.get("run"):
            self.run(run["run_id"]).seen.append(SeenRun(operation, run))
        for run in operation.response.get("runs") or []:
            self.run(run["run_id"]).seen.append(SeenRun(operation, run))
        for event in operation.response.get("events") or []:
            if target:
                at = event.get("at", operation.until)
                self.run(target).events.append(SeenEvent(operation, event["id"], at, event["event"]))

    def _find_tags(self) -> None:
        sessions = {
            one.request["session"]: tag
            for tag, creates in self.creates.items()
            for one in creates
            if one.request.get("own")
        }
        for run in self.runs.values():
            if run.creates:
                run.tag = run.creates[0].request["tag"]
                continue
            if run.parts:
                tag = run.parts[0].partition(".")[0]
                run.tag = tag if tag in self.creates else None
            if run.tag is None and run.seen:
                run.tag = sessions.get(run.seen[0].run.get("session_id"))


def contents(message: dict[str, Any]) -> list[str]:
    return [str(part.get("content")) for part in message.get("parts") or []]


def expected_steps(order: dict[str, Any]) -> list[str]:
    """The parts that the agents `steps` and `fragile` send for an order, shortened as in a history."""
    found = []
    for step in range(order.get("steps") or 0):
        name = f"{order['tag']}.{step};"
        size = order.get("size") or 0
        found.append(shorten(name + name * ((size - len(name)) // len(name)) if size > len(name) else name))
    return found


def tag_of_input(message: dict[str, Any]) -> str | None:
    """The tag of an order that is an input in the history of a session."""
    try:
        order = json.loads("".join(contents(message)))
    except ValueError:
        return None
    return order.get("tag") if isinstance(order, dict) else None


def acknowledged(operations: list[Operation]) -> list[Operation]:
    return [one for one in operations if one.outcome == OK]
