# SPDX-License-Identifier: Apache-2.0
"""Reads the Swift blocks of Markdown pages, and turns them into Swift files that can be type-checked.

A block becomes the body of a function of its own, or stays at the top level of a file where it has to. What the page
takes for granted (a client, a token, a handler's helpers) is declared in `contexts/PAGE.swift`, which is compiled along
with the page's blocks; a block without imports has those of that file. A comment on the line before a block changes this:

    <!-- snippet: continues -->                the block goes on where the one before it ended
    <!-- snippet: alternatives -->             its paragraphs are independent of each other
    <!-- snippet: excerpt of PATH -->          it is not compiled: its lines are in that file
    <!-- snippet: skip, REASON -->             it is not compiled
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

_DIRECTIVE = re.compile(r"^\s*<!-- snippet: (.+?) -->\s*$")
_FENCE = re.compile(r"^(\s*)```(\w*)")
_TOP_LEVEL = re.compile(r"^(@Suite|@main|extension |public |protocol )", re.MULTILINE)
_IMPORT = re.compile(r"^\s*(?:public )?import (\w+)\s*$")
_MANIFEST = re.compile(r"^\s*\.(product|package)\(")


class SnippetError(Exception):
    """A page is not as it should be. The message begins with the page and the line."""


@dataclass
class Snippet:
    """A block of Swift."""

    page: str
    line: int
    """The number of the line of its first line of code."""
    code: str
    directive: str = ""
    """What the comment before it says. Empty if there is none."""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def imports(self) -> list[str]:
        return [match[1] for line in self.code.splitlines() if (match := _IMPORT.match(line))]

    @property
    def is_manifest(self) -> bool:
        """It is a part of a Package.swift."""
        return bool(_MANIFEST.match(self.code)) or "PackageDescription" in self.imports

    @property
    def is_top_level(self) -> bool:
        """It cannot be the body of a function."""
        return bool(_TOP_LEVEL.search(self.code))


def extract(page: str, text: str) -> list[Snippet]:
    """The Swift blocks of a page, in order.

    Throws `SnippetError` for a block without an end, a comment without a block, and a comment that means nothing.
    """
    snippets: list[Snippet] = []
    directive = ""
    fence: re.Match[str] | None = None
    begin = 0
    code: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if fence is not None:
            if line.strip() == "```":
                if fence[2] == "swift":
                    snippets.append(Snippet(page, begin, textwrap.dedent("\n".join(code)), directive))
                fence, directive = None, ""
            else:
                code.append(line)
        elif found := _FENCE.match(line):
            fence, begin, code = found, number + 1, []
            if directive and found[2] != "swift":
                raise SnippetError(f"{page}:{number - 1}: the comment is for a Swift block, and none follows")
        elif found := _DIRECTIVE.match(line):
            directive = found[1]
            if not re.fullmatch(r"continues|alternatives|excerpt of \S+|skip, .+", directive):
                raise SnippetError(f"{page}:{number}: unknown '{directive}': see Tests/Docs/snippets.py")
        elif directive:
            raise SnippetError(f"{page}:{number - 1}: the comment is for a Swift block, and none follows")
    if fence is not None:
        raise SnippetError(f"{page}:{begin - 1}: the block has no end")
    return snippets


def check_excerpt(snippet: Snippet, root: Path) -> str | None:
    """Why a block is not an excerpt of the file that its comment names. `None` if it is one."""
    path = snippet.directive.removeprefix("excerpt of ")
    file = root / path
    if not file.is_file():
        return f"{snippet.place}: there is no {path}"
    code = re.sub(r"\s*//.*", "", snippet.code)
    if _without_indentation(code) not in _without_indentation(file.read_text(encoding="utf-8")):
        return f"{snippet.place}: this is not in {path} any more"
    return None


@dataclass
class SwiftFile:
    """A file to compile."""

    name: str
    text: str


def files(snippets: list[Snippet], context_imports: list[str]) -> list[SwiftFile]:
    """The files that the blocks of a page make, without those that are not compiled.

    Blocks that import something are files of their own, so that what they import is all that they need.
    """
    result: list[SwiftFile] = []
    groups: list[list[Snippet]] = []
    for snippet in snippets:
        if snippet.is_manifest or snippet.directive.startswith(("skip", "excerpt")):
            continue
        if snippet.directive == "continues":
            if not groups:
                raise SnippetError(f"{snippet.place}: there is no block before this one that it could continue")
            groups[-1].append(snippet)
        elif snippet.directive == "alternatives":
            groups += [[part] for part in _paragraphs(snippet)]
        else:
            groups.append([snippet])
    for group in groups:
        modules = [module for snippet in group for module in snippet.imports] or context_imports
        lines = [f"import {module}" for module in dict.fromkeys(modules)]
        is_top_level = any(snippet.is_top_level for snippet in group)
        if not is_top_level:
            lines.append(f"private func snippet{group[0].line}() async throws {{")
        for snippet in group:
            lines.append(f'#sourceLocation(file: "{snippet.page}", line: {snippet.line})')
            lines += ["" if _IMPORT.match(line) else line for line in snippet.code.splitlines()]
        lines.append("#sourceLocation()")
        if not is_top_level:
            lines.append("}")
        result.append(SwiftFile(f"line{group[0].line}.swift", "\n".join(lines) + "\n"))
    return result


def manifest_file(snippets: list[Snippet]) -> SwiftFile | None:
    """The file of those blocks that are parts of a Package.swift. `None` if there are none."""
    lines = ["import PackageDescription"]
    for snippet in snippets:
        found = _MANIFEST.match(snippet.code)
        if not snippet.is_manifest or snippet.directive.startswith("skip"):
            continue
        # A literal cannot hold the line that says where it comes from.
        lines.append(f'#sourceLocation(file: "{snippet.page}", line: {snippet.line - bool(found)})')
        if found:
            kind = "Target.Dependency" if found[1] == "product" else "Package.Dependency"
            lines.append(f"let snippet{snippet.line}: [{kind}] = [")
        lines += ["" if _IMPORT.match(line) else line for line in snippet.code.splitlines()]
        lines += ["]"] if found else []
        lines.append("#sourceLocation()")
    return SwiftFile("manifest.swift", "\n".join(lines) + "\n") if len(lines) > 1 else None


def unknown_products(snippet: Snippet, products: list[str]) -> list[str]:
    """The products of this package that a part of a Package.swift names and that do not exist."""
    named = re.findall(r'\.product\(name: "(\w+)", package: "simple-acp"\)', snippet.code)
    return [name for name in named if name not in products]


def imports(text: str) -> list[str]:
    """The modules that a Swift file imports."""
    return [match[1] for line in text.splitlines() if (match := _IMPORT.match(line))]


def _paragraphs(snippet: Snippet) -> list[Snippet]:
    parts: list[Snippet] = []
    for offset, line in enumerate(snippet.code.splitlines()):
        if not line.strip():
            parts.append(Snippet(snippet.page, 0, ""))
            continue
        if not parts or not parts[-1].line:
            parts = [*parts[:-1], Snippet(snippet.page, snippet.line + offset, line)]
        else:
            parts[-1].code += "\n" + line
    return [part for part in parts if part.line]


def _without_indentation(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())
