# SPDX-License-Identifier: Apache-2.0
"""Checks the pages of the repository: their Swift blocks compile, and their links lead somewhere.

Blocks are type-checked against the modules that SwiftPM has built: build first. Blocks that have passed are compiled again
when they, or a module, change; with CI=true always. Pages can be named: python3 Tests/Docs/check_pages.py docs/server.md
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import links
import snippets
from snippets import Snippet, SnippetError, SwiftFile
from toolchain import BUILD, ROOT, ToolError, import_flags, products, swift_library_folder
from unchanged import Passed, digest, modules_digest

CONTEXTS = Path(__file__).with_name("contexts")


class Compiler:
    """Type-checks blocks, unless they have passed with the same modules before."""

    def __init__(self, flags: list[str], passed: Passed) -> None:
        self.flags = flags
        self._passed = passed
        self._modules = modules_digest(".swiftmodule")

    def problems(self, sources: list[str], flags: list[str]) -> list[str]:
        """Returns what the compiler objects to."""
        texts = [Path(source).read_text(encoding="utf-8") for source in sources]
        key = digest(self._modules, *flags, *(Path(source).name for source in sources), *texts)
        if key in self._passed:
            return []
        problems = _typecheck(sources, flags)
        if not problems:
            self._passed.add(key)
        return problems


def check(page: Path, compiler: Compiler, folder: Path) -> tuple[int, list[str]]:
    """Checks a page. Returns its number of blocks, and what is wrong with it."""
    name = page.resolve().relative_to(ROOT).as_posix()
    found = snippets.extract(name, page.read_text(encoding="utf-8"))
    problems = links.problems(page, ROOT)
    for snippet in found:
        if snippet.directive.startswith("excerpt"):
            problem = snippets.check_excerpt(snippet, ROOT)
            problems += [problem] if problem else []
        for product in snippets.unknown_products(snippet, products()):
            problems.append(f"{snippet.place}: the package has no product {product}")
    work = folder / name.replace("/", "-")
    work.mkdir()
    context = CONTEXTS / f"{page.stem}.swift"
    sources = [str(context)] if context.exists() else []
    modules = snippets.imports(context.read_text(encoding="utf-8")) if context.exists() else _imported(found)
    sources += [_write(file, work) for file in snippets.files(found, modules)]
    if sources:
        problems += compiler.problems(sources, compiler.flags)
    if manifest := snippets.manifest_file(found):
        library = swift_library_folder() / "pm" / "ManifestAPI"
        options = ["-I", str(library), "-package-description-version", "6.2"]
        problems += compiler.problems([_write(manifest, work)], options)
    return len(found), problems


def _imported(found: list[Snippet]) -> list[str]:
    return [module for snippet in found if not snippet.is_manifest for module in snippet.imports]


def _write(file: SwiftFile, folder: Path) -> str:
    path = folder / file.name
    path.write_text(file.text, encoding="utf-8")
    return str(path)


def _typecheck(sources: list[str], flags: list[str]) -> list[str]:
    plugins = swift_library_folder() / "host" / "plugins" / "testing"
    command = [
        "swiftc", "-typecheck", "-parse-as-library", "-swift-version", "6", "-module-name", "Snippets",
        # What a snippet declares for its reader it need not use.
        "-suppress-warnings",
        "-plugin-path", str(plugins), *flags, *sources,
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, check=False)
    return [] if done.returncode == 0 else [done.stdout.strip() or f"swiftc ended with exit code {done.returncode}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", type=Path, help="all, if none is named")
    options = parser.parse_args()
    pages = options.pages or [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    begin = time.monotonic()
    count = 0
    failed = 0
    try:
        passed = Passed(BUILD / "passed-snippets.json")
        compiler = Compiler(import_flags(), passed)
        with tempfile.TemporaryDirectory(prefix="acp-snippets-") as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
            for blocks, problems in pool.map(lambda page: check(page, compiler, Path(folder)), pages):
                count += blocks
                failed += bool(problems)
                print("".join(f"{problem}\n" for problem in problems), end="", flush=True)
        passed.save(passed.before if options.pages else ())
    except (SnippetError, ToolError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{count} snippets on {len(pages)} pages, {failed} pages with errors, {time.monotonic() - begin:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
