# SPDX-License-Identifier: Apache-2.0
"""Builds the documentation of all libraries with DocC, and fails if a link in it leads nowhere.

Build the package first. A catalogue (Sources/X/X.docc) has the module's first page, and symbolic links to the guides
under docs/ that belong to it. All modules together become one archive, which any web server can serve. If nothing that it
is made of has changed, it is not built again, unless CI=true.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import links
from links import Link
from symbols import SymbolIndex
from toolchain import BUILD, ROOT, ToolError, import_flags, products
from unchanged import digest, is_complete, modules_digest

OUTPUT = BUILD / "docs"
ARCHIVE = OUTPUT / "SimpleACP.doccarchive"
INPUTS = OUTPUT / "inputs"
"""A digest of what the archive was made of. It is written last."""


def catalogue(module: str) -> Path:
    return ROOT / "Sources" / module / f"{module}.docc"


def guides() -> dict[Path, str]:
    """Which module each guide belongs to."""
    return {
        page.resolve(): module
        for module in products()
        for page in catalogue(module).glob("*.md")
        if page.is_symlink()
    }  # fmt: skip


def inputs_digest(modules: list[str]) -> str:
    """A digest of all that the documentation is made of: declarations, comments, articles and guides."""
    catalogues = [catalogue(module) for module in modules if catalogue(module).exists()]
    return digest(modules_digest(".swiftmodule", ".swiftdoc"), " ".join(modules), ROOT / "docs", *catalogues)


def extract(module: str, flags: list[str]) -> Path:
    """Writes the symbol graphs of a module, and returns the file of its own symbols."""
    folder = OUTPUT / "symbols" / module
    folder.mkdir(parents=True)
    _run(
        "swift", "symbolgraph-extract", "-module-name", module, "-target", _target(), "-minimum-access-level", "public",
        "-output-dir", str(folder), *flags,
    )  # fmt: skip
    return folder / f"{module}.symbols.json"


def copy_catalogue(module: str, index: SymbolIndex, places: dict[Path, str]) -> Path:
    """Copies a catalogue with links as DocC knows them."""
    folder = OUTPUT / "catalogues" / f"{module}.docc"
    folder.mkdir(parents=True)
    for page in sorted(catalogue(module).glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if page.is_symlink():
            guide = page.resolve()
            for image in images(guide):
                shutil.copy(image, folder)
            text = links.for_docc(text, lambda link, guide=guide: docc_link(link, guide, places))
        (folder / page.name).write_text(index.complete(text, module), encoding="utf-8")
    return folder


def images(guide: Path) -> set[Path]:
    """The images of a guide."""
    targets = {(guide.parent / link.path).resolve() for link in links.links(guide.read_text(encoding="utf-8"))}
    return {target for target in targets if target.suffix == ".png"}


def docc_link(link: Link, page: Path, places: dict[Path, str]) -> str:
    """A link of a guide as DocC knows it. What is no guide is named and not linked to."""
    target = (page.parent / link.path).resolve() if link.path else page
    if target.suffix == ".png":
        # DocC finds images by their names, beside the pages.
        return f"[{link.text}]({target.name})"
    if target not in places:
        return link.text
    anchor = ""
    if link.anchor:
        title = links.heading(target.read_text(encoding="utf-8"), link.anchor)
        if title is None:
            raise ToolError(f"{page.relative_to(ROOT)}:{link.line}: there is no heading '{link.anchor}'")
        anchor = "#" + links.docc_anchor(title)
    if places[target] == places[page]:
        return f"[{link.text}](<doc:{target.stem}{anchor}>)"
    return f"[{link.text}](/documentation/{places[target].lower()}/{target.stem}{anchor})"


def convert(module: str, folder: Path, dependencies: list[Path]) -> tuple[Path, bool]:
    """Makes the archive of a module, and prints what DocC reports. Returns whether there was nothing to report.

    Not with `--warnings-as-errors`, which makes no archive: links from other modules would be reported as well.
    """
    archive = OUTPUT / "modules" / f"{module}.doccarchive"
    archive.parent.mkdir(exist_ok=True)
    command = [
        *_docc(), "convert", str(folder), "--additional-symbol-graph-dir", str(OUTPUT / "symbols" / module),
        "--output-path", str(archive), "--fallback-display-name", module, "--fallback-bundle-identifier", module,
        "--fallback-default-module-kind", "Library", "--enable-experimental-external-link-support",
        *[option for path in dependencies for option in ("--dependency", str(path))],
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    report = done.stdout.strip()
    if report:
        print(report, flush=True)
    return archive, done.returncode == 0 and not report


def _docc() -> list[str]:
    return ["xcrun", "docc"] if platform.system() == "Darwin" else ["docc"]


def _target() -> str:
    found = subprocess.run(["swiftc", "-print-target-info"], stdout=subprocess.PIPE, text=True, check=True)
    return found.stdout.split('"triple": "')[1].partition('"')[0]


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(f"{' '.join(command[:4])} failed:\n{done.stdout}")


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    begin = time.monotonic()
    try:
        flags = import_flags()
        modules = products()
        places = guides()
        inputs = inputs_digest(modules)
        if not is_complete() and ARCHIVE.exists() and INPUTS.exists() and INPUTS.read_text() == inputs:
            print(f"{len(modules)} modules, {len(places)} guides in {ARCHIVE.relative_to(ROOT)}, unchanged")
            return 0
        shutil.rmtree(OUTPUT, ignore_errors=True)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            graphs = dict(zip(modules, pool.map(lambda module: extract(module, flags), modules), strict=True))
        index = SymbolIndex(graphs)
        archives: list[Path] = []
        failed: list[str] = []
        for module in modules:
            for path in graphs[module].parent.glob("*.json"):
                index.complete_graph(path, module)
            archive, is_good = convert(module, copy_catalogue(module, index, places), archives)
            failed += [] if is_good else [module]
            archives += [archive] if archive.exists() else []
        if failed:
            print(f"documentation of {', '.join(failed)}: links lead nowhere, see above", file=sys.stderr)
            return 1
        _run(*_docc(), "merge", *map(str, archives), "--output-path", str(ARCHIVE))
        INPUTS.write_text(inputs)
    except ToolError as error:
        print(error, file=sys.stderr)
        return 2
    took = time.monotonic() - begin
    print(f"{len(modules)} modules, {len(places)} guides in {ARCHIVE.relative_to(ROOT)}, {took:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
