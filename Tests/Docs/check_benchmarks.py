# SPDX-License-Identifier: Apache-2.0
"""Type-checks the benchmarks, a package of their own, against the modules that SwiftPM has built for this one.

Building them takes a release build of everything. This finds in seconds what a change of an API has broken. Build first.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from toolchain import ROOT, ToolError, import_flags

FOLDER = ROOT / "Benchmarks"
SUPPORT = "BenchSupport"
PROGRAMS = ("BenchServer", "BareEcho", "Bench")


def compile_module(name: str, flags: list[str], *options: str) -> str:
    """Returns what the compiler objects to."""
    sources = [str(path) for path in sorted((FOLDER / name).rglob("*.swift"))]
    features = [word for name in ("ExistentialAny", "MemberImportVisibility") for word in ("-enable-upcoming-feature", name)]
    command = [
        "swiftc", *options, "-parse-as-library", "-swift-version", "6", *features, "-warnings-as-errors",
        "-module-name", name, *flags, *sources,
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, check=False)
    return "" if done.returncode == 0 else done.stdout.strip() or f"swiftc ended with exit code {done.returncode}"


def main() -> int:
    begin = time.monotonic()
    try:
        flags = import_flags()
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / f"{SUPPORT}.swiftmodule"
        problems = [compile_module(SUPPORT, flags, "-emit-module", "-emit-module-path", str(module))]
        for program in PROGRAMS:
            problems.append(compile_module(program, ["-I", folder, *flags], "-typecheck"))
    for problem in filter(None, problems):
        print(problem)
    failed = sum(1 for problem in problems if problem)
    print(f"{len(problems)} modules of benchmarks, {failed} with errors, {time.monotonic() - begin:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
