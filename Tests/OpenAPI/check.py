# SPDX-License-Identifier: Apache-2.0
"""Sends generated requests, valid and invalid ones, to servers on each storage, and compares the responses with docs/openapi.yaml.

    scripts/openapi [--storage NAME]… [--examples N] [-- OPTIONS OF SCHEMATHESIS…]

Requests derive from a fixed seed, so that each run sends the same ones.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
sys.path.insert(0, str(ROOT / "Tests" / "Interop"))

from postgres_process import PostgresProcess  # noqa: E402
from redis_process import RedisProcess  # noqa: E402
from server_process import ServerProcess  # noqa: E402

SECONDS = 240.0
"""After this time, a run has failed."""


@contextmanager
def memory() -> Iterator[str]:
    yield "memory"


@contextmanager
def sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="openapi-") as folder:
        yield f"sqlite:{folder}/runs.sqlite"


@contextmanager
def redis() -> Iterator[str]:
    process = RedisProcess()
    try:
        yield process.url
    finally:
        process.stop()


@contextmanager
def postgres() -> Iterator[str]:
    process = PostgresProcess()
    try:
        yield process.url
    finally:
        process.stop()


ALL_PHASES = "examples,coverage,fuzzing,stateful"

STORAGES: dict[str, tuple[Callable[[], AbstractContextManager[str]], int, str]] = {
    "memory": (memory, 6, ALL_PHASES),
    "sqlite": (sqlite, 5, "fuzzing,stateful"),
    "redis": (redis, 5, "fuzzing,stateful"),
    "postgres": (postgres, 5, "fuzzing,stateful"),
}
"""Each storage, how many requests of each kind are generated for an operation, and how. The validation of requests does not
depend on the storage: limits and types of each member one by one (the phase `coverage`) are tested with the first one."""


def check(name: str, examples: int | None, options: list[str]) -> bool:
    """Returns whether all responses were as documented."""
    storage, number, phases = STORAGES[name]
    number = examples or number
    start = time.monotonic()
    with storage() as url:
        server = ServerProcess("--storage", url)
        try:
            done = subprocess.run(
                [
                    str(Path(sys.executable).with_name("schemathesis")),
                    *("--config-file", str(FOLDER / "schemathesis.toml")),
                    *("run", str(ROOT / "docs" / "openapi.yaml")),
                    *("--url", server.url, "--max-examples", str(number), "--phases", phases, "--no-color"),
                    *options,
                ],
                cwd=FOLDER,
                env={**os.environ, "PYTHONPATH": f"{FOLDER}:{ROOT / 'Tests' / 'Interop'}", "PYTHONDONTWRITEBYTECODE": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=SECONDS,
            )
            output, passed = done.stdout, done.returncode == 0
        except subprocess.TimeoutExpired as error:
            output, passed = f"{(error.stdout or b'').decode()}\nnot done after {SECONDS:.0f} s", False
        finally:
            code = server.stop()
    if code != 0:
        output += f"\nthe server ended with {code}; its output:\n{server.log()}"
    counts = [line.strip() for line in output.splitlines() if " generated" in line]
    passed = passed and code == 0 and len(counts) == 1
    print(f"{name}: {'passed' if passed else 'FAILED'}, {' '.join(counts)}, {time.monotonic() - start:.0f} s", flush=True)
    if not passed:
        print(output, flush=True)
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storage", action="append", choices=STORAGES, help="only this storage (repeatable)")
    parser.add_argument("--examples", type=int, help="how many requests are generated for an operation")
    parser.add_argument("options", nargs="*", help="further options of 'schemathesis run'")
    arguments = parser.parse_args()
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(
            pool.map(lambda name: check(name, arguments.examples, arguments.options), arguments.storage or STORAGES)
        )
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
