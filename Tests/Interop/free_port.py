# SPDX-License-Identifier: Apache-2.0
"""Ports of the loopback interface that belong to one process of the tests.

The same rule as FreePort of Tests/ACPTestSupport, so that neither gives away what the other has.
"""

import fcntl
import os
import random
import socket
from pathlib import Path

RANGE = range(10_000, 32_000)
"""Below the ports of outgoing connections, which could use the port of a server that is restarted."""

_FOLDER = Path("/tmp") / f"acp-test-ports-{os.getuid()}"
_locks: list[int] = []


def free_port() -> int:
    """Reserves a port for as long as this process runs."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """Reserves ports in a row for as long as this process runs, and returns the first."""
    _FOLDER.mkdir(mode=0o700, exist_ok=True)
    for _ in range(1_000):
        first = random.choice(RANGE[: len(RANGE) - count + 1])
        locks = [_reserve(port) for port in range(first, first + count)]
        taken = [lock for lock in locks if lock is not None]
        if len(taken) == count:
            _locks.extend(taken)
            return first
        for lock in taken:
            os.close(lock)
    raise RuntimeError(f"there are no {count} free ports in a row among {RANGE}")


def _reserve(port: int) -> int | None:
    """Returns the lock of a port that is free, `None` for a port that is not."""
    lock = os.open(_FOLDER / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        os.close(lock)
        return None
    return lock
