# SPDX-License-Identifier: Apache-2.0
import json
import tempfile
import unittest
from pathlib import Path

import links
from symbols import SymbolIndex

PAGE = """<!-- a comment -->
# Storage

See [the `server`](server.md#who-may-call-it), [large
contents](#large-contents) and [the site](https://example.com).

```sh
[not a link](missing.md)
```

## Large contents
"""


class LinkTests(unittest.TestCase):
    def test_links_into_the_repository_are_found_with_their_lines(self) -> None:
        found = [(link.line, link.text, link.path, link.anchor) for link in links.links(PAGE)]
        self.assertEqual(
            found,
            [(4, "the `server`", "server.md", "who-may-call-it"), (4, "large\ncontents", "", "large-contents")],
        )

    def test_links_that_lead_nowhere_are_reported(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder).resolve()
            page = root / "storage.md"
            page.write_text(PAGE)
            self.assertEqual(links.problems(page, root), ["storage.md:4: there is no server.md"])
            (root / "server.md").write_text("# Server\n")
            self.assertEqual(
                links.problems(page, root), ["storage.md:4: server.md has no heading 'who-may-call-it'"]
            )
            (root / "server.md").write_text("# Server\n\n## Who may call it?\n")
            self.assertEqual(links.problems(page, root), [])

    def test_a_page_for_docc_has_its_lines_and_other_links(self) -> None:
        text = links.for_docc(PAGE, lambda link: f"<{link.path}|{link.anchor}>")
        self.assertEqual(text.splitlines()[0], "")
        self.assertIn("See <server.md|who-may-call-it>, <|large-contents> and [the site](https://example.com).", text)
        self.assertIn("[not a link](missing.md)", text)

    def test_headings_have_anchors(self) -> None:
        self.assertEqual(links.slug("What `Redis` does, and doesn't"), "what-redis-does-and-doesnt")
        self.assertEqual(links.docc_anchor("What `Redis` does, and doesn't"), "What-Redis-does-and-doesnt")


class SymbolTests(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        graphs = {}
        for module, names in {"Core": [["Run"], ["Run", "id"]], "Server": [["Server"], ["Server", "Code"]]}.items():
            graphs[module] = Path(self.folder.name) / f"{module}.symbols.json"
            graphs[module].write_text(json.dumps({"symbols": [{"pathComponents": name} for name in names]}))
        self.index = SymbolIndex(graphs)

    def test_a_symbol_of_a_module_before_is_linked_to(self) -> None:
        completed = self.index.complete("A ``Run`` has ``Run/id``.", "Server")
        self.assertEqual(completed, "A ``/Core/Run`` has ``/Core/Run/id``.")
        self.assertEqual(self.index.complete("``Core/Run``", "Server"), "``/Core/Run``")

    def test_a_symbol_of_a_later_module_is_code(self) -> None:
        self.assertEqual(self.index.complete("``Server/Code``", "Core"), "`Server.Code`")

    def test_a_symbol_of_the_module_and_an_unknown_one_stay(self) -> None:
        for text in ["``Server``", "``Code``", "``Unknown``", "``run()``"]:
            self.assertEqual(self.index.complete(text, "Server"), text)


if __name__ == "__main__":
    unittest.main()
