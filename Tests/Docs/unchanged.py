# SPDX-License-Identifier: Apache-2.0
"""Finds out whether the inputs of a check are those with which it passed before, so that it need not run again.

Inputs are compared by their contents. Where the environment has CI=true, everything is checked always.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from toolchain import MODULES, ROOT


def is_complete() -> bool:
    """Whether everything is to be checked, whatever has passed before."""
    return os.environ.get("CI", "").lower() in ("true", "1")


def digest(*inputs: str | Path) -> str:
    """A digest of texts, and of the names and the contents of files. Of a folder, of all files in it."""
    total = hashlib.sha256()

    def add(data: bytes) -> None:
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)

    for item in inputs:
        if isinstance(item, str):
            add(item.encode())
            continue
        files = sorted(path for path in item.rglob("*") if path.is_file()) if item.is_dir() else [item]
        for path in files:
            add(str(path).encode())
            add(path.read_bytes())
    return total.hexdigest()


def modules_digest(*suffixes: str) -> str:
    """A digest of what a compiler reads of the built modules, other than those of the tests, and of the compiler itself."""
    tests = {folder.name for folder in (ROOT / "Tests").iterdir()}
    files = sorted(path for suffix in suffixes for path in MODULES.glob(f"*{suffix}") if path.stem not in tests)
    compiler = Path(shutil.which("swiftc") or "swiftc").resolve()
    version = f"{compiler} {compiler.stat().st_mtime_ns}" if compiler.exists() else ""
    return digest(version, ROOT / "Package.resolved", *files, *sorted(Path(__file__).parent.glob("*.py")))


class Passed:
    """The checks that have passed, by digests of their inputs, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before: set[str] = set()
        self._now: set[str] = set()
        if path.exists():
            try:
                self._before = set(json.loads(path.read_text(encoding="utf-8")))
            except ValueError:
                pass  # The file of a program that was ended while it wrote it. Everything is checked.

    def __contains__(self, key: str) -> bool:
        if is_complete() or key not in self._before:
            return False
        self._now.add(key)
        return True

    def add(self, key: str) -> None:
        self._now.add(key)

    def save(self, others: Iterable[str] = ()) -> None:
        """Writes the file with the checks of this run and some others."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(sorted(self._now | set(others))), encoding="utf-8")

    @property
    def before(self) -> frozenset[str]:
        """The checks that had passed before this run."""
        return frozenset(self._before)
