# SPDX-License-Identifier: Apache-2.0
"""The history of a run of the harness: everything that clients did and saw, one JSON object per line.

The checker knows nothing else. Lines have a `kind`: `meta` (seed, storage, options), `operation`, `fault`, `leftover`, `crash`.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

TERMINAL = ("completed", "failed", "cancelled")

OK = "ok"
"""The server has acknowledged the operation."""
REFUSED = "refused"
"""The server has answered that it did not perform the operation."""
UNKNOWN = "unknown"
"""There was no response, or one that does not say whether the operation was performed: it is in doubt."""

LONGEST = 160


def shorten(value: Any) -> Any:
    """Replaces long texts by their beginning, length and digest: equal documents stay equal, others stay different."""
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:60]}…{len(value)}:{hashlib.sha1(value.encode()).hexdigest()[:16]}"
    if isinstance(value, dict):
        return {name: shorten(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shorten(one) for one in value]
    return value


@dataclass
class Operation:
    """One request of a client and what came of it."""

    id: int
    kind: str
    """create, answer, cancel, delete, follow, run, events, list, state, history, delete-session; final-… after the faults."""
    start: float
    """Seconds since the history began."""
    request: dict[str, Any]
    process: str = ""
    end: float | None = None
    outcome: str = UNKNOWN
    status: int | None = None
    """The status of the HTTP response."""
    response: dict[str, Any] = field(default_factory=dict)
    """`run`: a run. `events`: a list of `{id, at, event}`. `total`, `state`, `messages`, `runs`, `error`."""

    @property
    def until(self) -> float:
        return float("inf") if self.end is None else self.end

    @property
    def is_in_doubt(self) -> bool:
        return self.outcome == UNKNOWN


@dataclass
class History:
    """A complete history."""

    meta: dict[str, Any] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    leftovers: list[str] | None = None
    """What was in the storage after everything had been deleted. `None` if nobody looked."""
    crashes: list[str] = field(default_factory=list)
    """Servers that ended by themselves, or with another exit code than 0."""

    @staticmethod
    def load(path: Path) -> "History":
        history = History()
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                history._add(json.loads(line))
        return history

    def _add(self, record: dict[str, Any]) -> None:
        kind = record.pop("kind")
        if kind == "operation":
            history_kind = record.pop("operation")
            self.operations.append(Operation(kind=history_kind, **record))
        elif kind == "fault":
            self.faults.append(record)
        elif kind == "leftover":
            self.leftovers = (self.leftovers or []) + record["names"]
        elif kind == "crash":
            self.crashes.append(record["what"])
        elif kind == "meta":
            self.meta |= record
        else:
            raise ValueError(f"a line of the history has the unknown kind {kind!r}")

    def save(self, path: Path) -> None:
        with path.open("w", encoding="utf-8") as file:
            for line in self.lines():
                file.write(line + "\n")

    def lines(self) -> Iterable[str]:
        yield json.dumps({"kind": "meta", **self.meta})
        for fault in self.faults:
            yield json.dumps({"kind": "fault", **fault})
        for operation in self.operations:
            yield encoded(operation)
        if self.leftovers is not None:
            yield json.dumps({"kind": "leftover", "names": self.leftovers})
        for crash in self.crashes:
            yield json.dumps({"kind": "crash", "what": crash})

    def only(self, operations: Iterable[Operation]) -> "History":
        """Returns the same history with some of its operations."""
        return History(self.meta, list(operations), self.faults, self.leftovers, self.crashes)


def encoded(operation: Operation) -> str:
    fields = asdict(operation)
    fields["operation"] = fields.pop("kind")
    return json.dumps({"kind": "operation", **fields}, ensure_ascii=False)


class Recorder:
    """Collects a history while clients work."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, **meta: Any) -> None:
        self._clock = clock
        self._begin = clock()
        self._next = 0
        self.history = History(meta=meta)

    def now(self) -> float:
        return round(self._clock() - self._begin, 4)

    def begin(self, kind: str, process: str = "", **request: Any) -> Operation:
        """Begins an operation. It is part of the history from now on: it is in doubt unless it ends."""
        operation = Operation(self._next, kind, self.now(), request, process)
        self._next += 1
        self.history.operations.append(operation)
        return operation

    def end(self, operation: Operation, outcome: str, status: int | None = None, **response: Any) -> Operation:
        operation.end = self.now()
        operation.outcome = outcome
        operation.status = status
        operation.response |= response
        return operation

    def fault(self, name: str, target: str) -> dict[str, Any]:
        record: dict[str, Any] = {"name": name, "target": target, "start": self.now(), "end": None}
        self.history.faults.append(record)
        return record
