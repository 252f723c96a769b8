# SPDX-License-Identifier: Apache-2.0
"""Waiting for a state by polling, with a deadline."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from acp_sdk.client import Client
from acp_sdk.models import Run, RunStatus

T = TypeVar("T")

DEADLINE = 60.0


async def eventually(probe: Callable[[], Awaitable[T]], accepts: Callable[[T], bool], what: str) -> T:
    """Returns the first value of `probe` that `accepts` accepts. Fails with the last value after the deadline."""
    end = time.monotonic() + DEADLINE
    while True:
        value = await probe()
        if accepts(value):
            return value
        assert time.monotonic() < end, f"{what} did not happen within {DEADLINE:.0f} s, last seen: {value!r}"
        await anyio.sleep(0.02)


async def run_reaches(acp: Client, run_id: object, *statuses: RunStatus) -> Run:
    """Returns the run when it has one of these statuses."""
    return await eventually(
        lambda: acp.run_status(run_id=run_id),
        lambda run: run.status in statuses,
        f"run {run_id} becoming {' or '.join(status.value for status in statuses)}",
    )
