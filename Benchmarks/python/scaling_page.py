# SPDX-License-Identifier: Apache-2.0
"""Writes what follows from the costs in docs/scaling.md into the page: the tables of limits and the examples of
scripts/capacity. 'scripts/bench' does it when it has written the costs."""

import contextlib
import io
import re
import shlex
import sys
from pathlib import Path

import capacity
import costs
from costs import Costs

SHARDS = (1, 2, 4, 8, 16)

_LIMITS = re.compile(r"(<!-- limits: written by make bench -->\n).*?(<!-- end of the limits -->)", re.DOTALL)
_EXAMPLE = re.compile(r"(\$ scripts/capacity ([^\n]+)\n)(.*?)(?=\n\$ |```)", re.DOTALL)


def complete(page: str, source: Path = costs.PAGE) -> str:
    """The page with tables and examples that fit the costs."""
    if not _LIMITS.search(page):
        raise costs.CostError("the page has no lines between which the limits go")
    page = _LIMITS.sub(lambda found: f"{found[1]}\n{limits(source)}\n\n{found[2]}", page)
    return _EXAMPLE.sub(lambda found: f"{found[1]}{example(found[2])}", page)


def limits(source: Path = costs.PAGE) -> str:
    """Tables of what a processor and a storage carry."""
    titles = costs.TITLES
    all_costs = {backend: costs.read(backend, source) for backend in titles}
    head = ["with one processor of the server", *titles.values()]
    rows = [
        head,
        ["---"] * len(head),
        ["runs per second", *(_rate(cost.run.server) for cost in all_costs.values())],
        ["further parts per second, committed one by one", *(_rate(cost.event.server) for cost in all_costs.values())],
        ["parts per second of agents that are faster", *(_rate(cost.gathered.server) for cost in all_costs.values())],
        ["**with one processor of the storage**", *[""] * len(titles)],
        ["runs per second", *(_rate(cost.run.storage) for cost in all_costs.values())],
        ["further parts per second, committed one by one", *(_rate(c.event.storage) for c in all_costs.values())],
        ["parts per second of agents that are faster", *(_rate(c.gathered.storage) for c in all_costs.values())],
        ["**memory and disk**", *[""] * len(titles)],
        ["kept of a million runs", *(capacity.size(cost.run.kept * 1e6) for cost in all_costs.values())],
        ["kept of a million further parts", *(capacity.size(cost.event.kept * 1e6) for cost in all_costs.values())],
        ["10,000 streams", *(_memory(cost.follower_kibibytes * 1e4) for cost in all_costs.values())],
        ["100,000 awaiting runs, in processes", *(_memory(cost.awaiting_kibibytes * 1e5) for cost in all_costs.values())],
    ]
    return f"{_table(rows)}\n\n{_table(_shards(all_costs['cluster']))}"


def _shards(cost: Costs) -> list[list[str]]:
    """Runs per second of a cluster whose busiest master uses one processor, by the number of masters."""
    undivided = cost.undivided / cost.run.commands
    cells = []
    for masters in SHARDS:
        fixed = undivided if masters > 1 else 0
        cells.append(_rate(cost.run.storage * (fixed + (1 - fixed) / masters)))
    return [["masters", *map(str, SHARDS)], ["---"] * (len(SHARDS) + 1), ["runs per second", *cells]]


def example(arguments: str) -> str:
    """What scripts/capacity prints."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        capacity.main(shlex.split(arguments))
    return text.getvalue()


def _table(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _rate(microseconds: float) -> str:
    return f"{_rounded(1e6 / microseconds):,}" if microseconds else "–"


def _rounded(value: float) -> int:
    """Two digits are as much as the measurement knows."""
    return int(float(f"{value:.2g}"))


def _memory(kibibytes: float) -> str:
    return capacity.size(kibibytes * 1_024)


def main() -> int:
    try:
        text = costs.PAGE.read_text(encoding="utf-8")
        costs.PAGE.write_text(complete(text), encoding="utf-8")
    except (costs.CostError, OSError) as error:
        print(f"scaling_page: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
