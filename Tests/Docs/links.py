# SPDX-License-Identifier: Apache-2.0
"""The links of Markdown pages to other files of the repository, and to the headings of pages."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$")
_COMMENT = re.compile(r"^\s*<!--.*-->\s*$")


@dataclass
class Link:
    """A link to something in the repository."""

    line: int
    text: str
    path: str
    """Relative to the page. Empty if the link is to a heading of the same page."""
    anchor: str


def links(text: str) -> list[Link]:
    """The links of a page, without those to other sites and those in code."""
    found: list[Link] = []

    def keep(match: re.Match[str], line: int) -> str:
        path, _, anchor = match[2].partition("#")
        found.append(Link(line, match[1], path, anchor))
        return match[0]

    _replace(text, keep)
    return found


def problems(page: Path, root: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    result = []
    for link in links(page.read_text(encoding="utf-8")):
        place = f"{page.resolve().relative_to(root).as_posix()}:{link.line}"
        target = (page.parent / link.path).resolve() if link.path else page
        if not target.exists():
            result.append(f"{place}: there is no {link.path}")
        elif link.anchor and heading(target.read_text(encoding="utf-8"), link.anchor) is None:
            result.append(f"{place}: {link.path or 'the page'} has no heading '{link.anchor}'")
    return result


def heading(text: str, anchor: str) -> str | None:
    """The heading of a page that a site such as GitHub gives an anchor. `None` if there is none."""
    for line in _outside_code(text):
        if (found := _HEADING.match(line)) and slug(found[1]) == anchor:
            return found[1]
    return None


def slug(title: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def for_docc(text: str, rewrite: Callable[[Link], str]) -> str:
    """A page without comments and with other links. It keeps its lines, so that what DocC reports has its place."""

    def change(match: re.Match[str], line: int) -> str:
        path, _, anchor = match[2].partition("#")
        return rewrite(Link(line, match[1], path, anchor))

    lines = _replace(text, change).splitlines()
    return "\n".join("" if _COMMENT.match(line) else line for line in lines) + "\n"


def docc_anchor(title: str) -> str:
    """How DocC calls a heading."""
    return re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-")


def _replace(text: str, change: Callable[[re.Match[str], int], str]) -> str:
    """Changes the links that lead into the repository, also where their text goes over the end of a line."""
    plain = "\n".join(_outside_code(text))
    parts = []
    end = 0
    for match in _LINK.finditer(plain):
        # The same place in the text: code is only hidden, line by line and character by character.
        if "://" in match[2] or match[2].startswith("mailto:"):
            continue
        line = plain.count("\n", 0, match.start()) + 1
        parts += [text[end : match.start()], change(match, line)]
        end = match.end()
    return "".join(parts) + text[end:]


def _outside_code(text: str) -> list[str]:
    """The lines of a page, those of blocks of code as blanks of the same length."""
    result = []
    in_code = False
    for line in text.split("\n"):
        is_fence = line.lstrip().startswith("```")
        result.append(" " * len(line) if in_code or is_fence else line)
        in_code ^= is_fence
    return result
