# SPDX-License-Identifier: Apache-2.0
"""Servers that are deliberately broken: the checker has to find each of them within a bounded run.

  python broken.py [NAME…]
"""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from chaos import Options, perform

SECONDS = 60.0
"""How long a broken server is looked for."""


@dataclass(frozen=True)
class Broken:
    """A promise that servers violate."""

    name: str
    rules: tuple[str, ...]
    """The rules of which at least one has to find it."""
    faults: tuple[str, ...] = ()
    """What has to go wrong for the violation to have an effect."""
    rate: float = 0.3
    storage: str = "redis"


BROKEN = [
    Broken("drop-fence", ("events-stay", "events-agree", "ends-are-final", "output-exact", "histories"),
           ("stop", "link-hold", "link-partition"), 1),
    Broken("repeat-commit", ("output-exact", "events-agree", "events-gapless", "events-stay"), (), 0.2),
    Broken("forget-create", ("not-lost", "ends-are-final"), (), 0.1),
    Broken("forget-end", ("everything-ends", "ends-are-final", "events-stay"), (), 0.1),
    Broken("overwrite-create", ("events-agree", "events-stay", "ends-are-final"), ("client-loss",), 1),
    Broken("repeat-block", ("histories",), (), 0.1),
    Broken("split-block", ("histories",), (), 0.3),
    Broken("forget-block", ("histories",), (), 0.1),
    Broken("stale-save", ("states-linearizable",), (), 1),
    Broken("reorder-events", ("events-agree", "output-exact"), (), 0.1),
    Broken("lose-change", ("everything-ends", "prompt"), (), 1),
    Broken("lose-announcement", ("everything-ends", "prompt"), (), 1),
    Broken("forget-cancel", ("cancels-count",), (), 0.5),
    Broken("forget-answer", ("answers-once",), (), 0.5),
    Broken("accept-second-answer", ("answers-once",), (), 1),
    Broken("hide-lost", ("everything-ends",), ("kill",), 1),
    Broken("leak-run", ("nothing-left",), (), 0.1),
    Broken("leak-session", ("nothing-left",), (), 0.1),
]  # fmt: skip


async def find(broken: Broken, seed: int, keep: Path | None) -> tuple[bool, str]:
    """Returns whether the checker has found a broken server, and what it has found."""
    options = Options(
        broken.storage, seed, SECONDS, 6, faults=list(broken.faults), keep=keep,
        server_options=["--break", broken.name, "--break-rate", str(broken.rate)])  # fmt: skip
    result = await perform(options)
    rules = sorted({one.rule for one in result.violations})
    is_found = bool(set(rules) & set(broken.rules))
    return is_found, f"{result.seconds:.0f} s, {result.operations} operations: {', '.join(rules) or 'nothing'}"


def main() -> int:
    chosen = [one for one in BROKEN if not sys.argv[1:] or one.name in sys.argv[1:]]
    found = 0
    for broken in chosen:
        is_found, text = asyncio.run(find(broken, 1, Path("/tmp/chaos/broken")))
        found += is_found
        print(f"{broken.name:22} {'found' if is_found else 'NOT FOUND'} after {text}", flush=True)
    print(f"{found} of {len(chosen)} broken servers found")
    return 0 if found == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
