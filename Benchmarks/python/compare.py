# SPDX-License-Identifier: Apache-2.0
"""Compares the figures of a sitting with those that were written last, and marks what has become worse.

compare.py LAST NOW: two files with the tables that Bench prints, such as docs/performance.md. Figures that only one of
them has are left out, as are those of what SimpleACP is compared with.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

THRESHOLD = 0.95
"""A figure that is worse than this part of the last one is marked."""

_NUMBER = re.compile(r"^(-?[\d,]+(?:\.\d+)?)(?: (µs|ms|s|KiB|MiB))?$")
_SCALE = {None: 1.0, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "KiB": 1.0, "MiB": 1024.0}
_REFERENCES = ("Python SDK", "bare Hummingbird route", "redis-benchmark", "pgbench")
_SMALLER_IS_BETTER = re.compile(r"bytes to|no more than|under |(cost|time) against")
_SECTIONS_OF_COSTS = ("Listing", "Costs", "Commands per shard")
"""Sections in which smaller figures are better."""


@dataclass(frozen=True)
class Figure:
    """A number of a table."""

    text: str
    value: float
    is_better_if_smaller: bool


@dataclass(frozen=True)
class Comparison:
    """A figure, and the same one of the last sitting."""

    name: str
    last: Figure
    now: Figure

    @property
    def score(self) -> float:
        """How good the figure is in parts of the last one: above 1 is better."""
        good, reference = (self.last, self.now) if self.now.is_better_if_smaller else (self.now, self.last)
        return good.value / reference.value if reference.value else 1.0

    @property
    def is_worse(self) -> bool:
        return self.score < THRESHOLD


def figures(text: str) -> dict[str, Figure]:
    """The figures of all tables, by a name made of section, row and column."""
    result: dict[str, Figure] = {}
    section = ""
    header: list[str] = []
    for line in text.splitlines():
        if line.startswith("### "):
            section = line[4:]
        if not line.startswith("|"):
            header = []
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not header:
            header = cells
        elif not all(set(cell) <= set("-") for cell in cells) and not cells[0].startswith(_REFERENCES):
            for column, (title, cell) in enumerate(zip(header[1:], cells[1:], strict=False), 1):
                if title.startswith(_REFERENCES):
                    continue
                # Two columns may have the same title: what stands before them tells them apart.
                subject = f" ({header[column - 1]})" if header.count(title) > 1 else ""
                for place, part in enumerate(cell.split(", ")):
                    name = f"{section}: {cells[0]}, {title}{subject}" + (f" [{place + 1}]" if ", " in cell else "")
                    # An aim says in its own column in which direction it goes.
                    aim = cells[1] if section.startswith("Aims") else ""
                    if figure := _figure(part, f"{title} {aim}", section):
                        result[name] = figure
    return result


def compare(last: str, now: str) -> list[Comparison]:
    """Figures that both texts have, in the order of the second."""
    before = figures(last)
    return [Comparison(name, before[name], figure) for name, figure in figures(now).items() if name in before]


def report(comparisons: list[Comparison]) -> str:
    """A line for each figure, the worse ones marked and repeated at the end."""
    width = max((len(entry.name) for entry in comparisons), default=0)
    lines = []
    for entry in comparisons:
        mark = "!" if entry.is_worse else " "
        change = f"{entry.last.text:>12} -> {entry.now.text:>12}  {entry.score:5.2f}"
        lines.append(f"{mark} {entry.name:{width}}  {change}")
    worse = [line for line, entry in zip(lines, comparisons, strict=True) if entry.is_worse]
    summary = f"{len(comparisons)} figures compared with the last ones, {len(worse)} below {THRESHOLD} of them"
    return "\n".join([*lines, "", *worse, summary])


def _figure(cell: str, hint: str, section: str) -> Figure | None:
    # The median: what follows in parentheses is where the figures of the rounds lie.
    text = cell.partition(" (")[0]
    found = _NUMBER.match(text)
    if not found:
        return None
    is_smaller = found[2] is not None or bool(_SMALLER_IS_BETTER.search(hint)) or section.startswith(_SECTIONS_OF_COSTS)
    return Figure(text, float(found[1].replace(",", "")) * _SCALE[found[2]], is_smaller)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(report(compare(*(Path(path).read_text(encoding="utf-8") for path in sys.argv[1:]))))
