# SPDX-License-Identifier: Apache-2.0
"""Finds the modules that SwiftPM has built, and the flags that the compiler needs to import them."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
MODULES = BUILD / "debug" / "Modules"


class ToolError(Exception):
    """A tool is missing or has failed. The message names the remedy."""


def products() -> list[str]:
    """The libraries of the package, in the order of Package.swift: each depends only on those before it."""
    manifest = (ROOT / "Package.swift").read_text(encoding="utf-8")
    return [line.split('"')[1] for line in manifest.splitlines() if line.strip().startswith(".library(name:")]


def import_flags() -> list[str]:
    """Flags with which a file can import every module of the package, and those that they import.

    Throws `ToolError` if the package has not been built.
    """
    missing = [name for name in products() if not (MODULES / f"{name}.swiftmodule").exists()]
    if missing:
        raise ToolError(f"these modules are not built: {', '.join(missing)}. Run 'swift build' first.")
    flags = ["-I", str(MODULES)]
    maps = [
        *sorted((BUILD / "debug").glob("*.build/module.modulemap")),
        # Modules of C libraries that the system has: SwiftPM writes no map for them.
        BUILD / "checkouts/GRDB.swift/Sources/GRDBSQLite/module.modulemap",
        ROOT / "Sources/CLibPQ/module.modulemap",
    ]
    flags += [flag for path in maps if path.exists() for flag in ("-Xcc", f"-fmodule-map-file={path}")]
    folders = sorted((BUILD / "checkouts").glob("*/Sources/*/include"))
    flags += [flag for path in folders for flag in ("-Xcc", f"-I{path}")]
    flags += [flag for option in _pkg_config("libpq") for flag in ("-Xcc", option)]
    return flags


def swift_library_folder() -> Path:
    """The folder of the toolchain that holds the libraries of the compiler and of SwiftPM.

    Throws `ToolError` if there is no Swift compiler.
    """
    compiler = shutil.which("swiftc")
    if compiler is None:
        raise ToolError("swiftc is missing: install Swift from https://www.swift.org/install")
    return Path(compiler).resolve().parents[1] / "lib" / "swift"


def _pkg_config(library: str) -> list[str]:
    if shutil.which("pkg-config"):
        found = subprocess.run(["pkg-config", "--cflags", library], stdout=subprocess.PIPE, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.split()
    folder = Path("/usr/include/postgresql")
    return [f"-I{folder}"] if folder.is_dir() else []
