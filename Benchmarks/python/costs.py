# SPDX-License-Identifier: Apache-2.0
"""The cost model: what a run, an event and the like cost on a backend, as measured by 'scripts/bench costs'.

The figures have one place, the table in docs/scaling.md, which Bench writes. The names of its rows are those below.
"""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scaling.md"

TITLES = {
    "memory": "memory",
    "sqlite": "SQLite",
    "postgres": "PostgreSQL",
    "redis": "Redis",
    "cluster": "Redis Cluster",
}
"""The backends, by their names in options, with their columns in the table."""

SHARED = ("postgres", "redis", "cluster")
"""Backends that several processes can use."""

MEASURED_BYTES = 50
"""The size of the parts whose costs are in the table."""

_NUMBER = re.compile(r"^\d{1,3}(,\d{3})*(\.\d+)?$")
_BEGIN = "<!-- costs: written by make bench -->"
_END = "<!-- end of the figures -->"
_REPEAT = "'scripts/bench --write-scaling docs/scaling.md costs' writes it again"

_REMOTE = "event to a follower in another process: "


class CostError(Exception):
    """The table is missing or incomplete. The message names the remedy."""


@dataclass(frozen=True)
class Work:
    """What a run or an event costs."""

    server: float
    """Processor time of the server, in microseconds, as all times."""
    storage: float
    commands: float
    transactions: float
    written: float
    """Bytes, as all sizes of the storage."""
    read: float
    kept: float


@dataclass(frozen=True)
class Costs:
    """The costs on one backend."""

    run: Work
    """A run of an agent that sends one part."""
    event: Work
    """One more part that is committed by itself."""
    gathered: Work
    """One more part of a run that is faster than its storage, whose parts share commits."""
    byte_written: float
    byte_kept: float
    """One more byte of a part."""
    local_delivery: float
    """Processor time of the server for an event to a follower, in the process of the run."""
    remote_delivery: Work
    """The same in another process."""
    idle_mebibytes: float
    idle_commands: float
    """Commands of an idle process per second."""
    active_kibibytes: float
    follower_kibibytes: float
    awaiting_kibibytes: float
    awaiting_kept: float
    unfinished_commands: float
    """Commands for an unfinished run per second."""
    undivided: float
    """Commands of a run that always go to the same master of a cluster."""


def read(backend: str, page: Path = PAGE) -> Costs:
    """Reads the costs of a backend from the page. Throws `CostError`."""
    table = _table(page)
    title = TITLES[backend]

    def cost(name: str, *others: str) -> float:
        """The number of a row. It is 0 on backends that do not have the cost, which is required of those named."""
        if name not in table:
            raise CostError(f"{page} has no cost named '{name}': {_REPEAT}")
        cell = table[name].get(title, "–")
        if cell == "–":
            if not others or backend in others:
                raise CostError(f"{page} has no '{name}' of {title}: {_REPEAT}")
            return 0
        if not _NUMBER.match(cell):
            raise CostError(f"{page}: '{name}' of {title} is not a number: {cell}; {_REPEAT}")
        return float(cell.replace(",", ""))

    def work(name: str) -> Work:
        return Work(
            server=cost(f"{name}: processor time of the server"),
            storage=cost(f"{name}: processor time of the storage", *SHARED),
            commands=cost(f"{name}: commands of the storage", *SHARED),
            transactions=cost(f"{name}: transactions with events", "postgres"),
            written=cost(f"{name}: written to the storage", *SHARED),
            read=cost(f"{name}: read from the storage", "redis", "cluster"),
            kept=cost(f"{name}: kept in the storage"),
        )

    remote = Work(
        server=cost(f"{_REMOTE}processor time of the server", *SHARED),
        storage=cost(f"{_REMOTE}processor time of the storage", *SHARED),
        commands=cost(f"{_REMOTE}commands of the storage", *SHARED),
        transactions=0,
        written=0,
        read=cost(f"{_REMOTE}read from the storage", "redis", "cluster"),
        kept=0,
    )
    return Costs(
        run=work("run"),
        event=work("event"),
        gathered=work("event that gathers with others"),
        byte_written=cost("byte of a part: written to the storage", *SHARED),
        byte_kept=cost("byte of a part: kept in the storage"),
        local_delivery=cost("event to a follower in the process of the run: processor time of the server"),
        remote_delivery=remote,
        idle_mebibytes=cost("idle process: memory"),
        idle_commands=cost("idle process: commands of the storage per second", *SHARED),
        active_kibibytes=cost("active run: memory"),
        follower_kibibytes=cost("idle follower: memory"),
        awaiting_kibibytes=cost("awaiting run: memory"),
        awaiting_kept=cost("awaiting run: kept in the storage", "sqlite", *SHARED),
        unfinished_commands=cost("unfinished run: commands of the storage per second", *SHARED),
        undivided=cost("run: commands that one master gets", "cluster"),
    )


def _table(page: Path) -> dict[str, dict[str, str]]:
    """The cells of the table, by the names of their rows and columns."""
    try:
        text = page.read_text(encoding="utf-8")
    except OSError as error:
        raise CostError(f"the costs cannot be read: {error}") from None
    figures = text.partition(_BEGIN)[2].partition(_END)[0]
    rows = [line for line in figures.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows]
    if not cells or cells[0][:2] != ["cost", "unit"]:
        raise CostError(f"{page} has no table of costs after {_BEGIN}: {_REPEAT}")
    return {row[0]: dict(zip(cells[0][2:], row[2:], strict=False)) for row in cells[2:]}
