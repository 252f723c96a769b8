# SPDX-License-Identifier: Apache-2.0
"""The shortest history that still violates a rule: delta debugging over its operations."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def shrink(items: Sequence[T], fails: Callable[[list[T]], bool], attempts: int = 2_000) -> list[T]:
    """Returns a part of `items` that fails and of which no single item can be omitted, if `attempts` suffice (ddmin)."""
    items = list(items)
    parts = 2
    while len(items) > 1 and attempts > 0:
        size = max(1, len(items) // parts)
        for begin in range(0, len(items), size):
            rest = items[:begin] + items[begin + size :]
            attempts -= 1
            if rest and fails(rest):
                items, parts = rest, max(parts - 1, 2)
                break
            if attempts <= 0:
                break
        else:
            if size == 1:
                break
            parts = min(len(items), parts * 2)
    return items
