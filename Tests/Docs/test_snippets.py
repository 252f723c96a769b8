# SPDX-License-Identifier: Apache-2.0
import tempfile
import unittest
from pathlib import Path

import snippets
from snippets import Snippet, SnippetError

PAGE = """# A page

```swift
import ACPClient
let client = try ACPClient("http://localhost")
```

```sh
swift build
```

<!-- snippet: skip, it is an outline -->
```swift
…
```

- A list
  ```swift
  try await client.ping()
  ```
"""


class ExtractTests(unittest.TestCase):
    def test_blocks_have_their_line_their_comment_and_no_indentation(self) -> None:
        found = snippets.extract("page.md", PAGE)
        self.assertEqual([snippet.place for snippet in found], ["page.md:4", "page.md:14", "page.md:19"])
        self.assertEqual([snippet.directive for snippet in found], ["", "skip, it is an outline", ""])
        self.assertEqual(found[0].imports, ["ACPClient"])
        self.assertEqual(found[2].code, "try await client.ping()")

    def test_a_comment_without_a_block_is_an_error(self) -> None:
        for text in [
            "<!-- snippet: continues -->\ntext",
            "<!-- snippet: continues -->\n```sh\nls\n```",
            "<!-- snippet: unknown -->\n```swift\n```",
            "<!-- snippet: skip -->\n```swift\n```",
            "```swift\nlet a = 1",
        ]:
            with self.assertRaises(SnippetError, msg=text):
                snippets.extract("page.md", text)


class FileTests(unittest.TestCase):
    def test_a_block_becomes_a_function_and_keeps_its_lines(self) -> None:
        (file,) = snippets.files([Snippet("page.md", 4, "let a = 1")], ["ACPCore"])
        self.assertEqual(
            file.text.splitlines(),
            [
                "import ACPCore",
                "private func snippet4() async throws {",
                '#sourceLocation(file: "page.md", line: 4)',
                "let a = 1",
                "#sourceLocation()",
                "}",
            ],
        )

    def test_imports_of_a_block_replace_those_of_the_context(self) -> None:
        (file,) = snippets.files([Snippet("page.md", 4, "import Redis\nlet a = 1")], ["ACPCore"])
        self.assertEqual(snippets.imports(file.text), ["Redis"])
        self.assertIn("line: 4)\n\nlet a = 1\n", file.text)

    def test_a_block_that_continues_shares_the_function(self) -> None:
        found = [Snippet("page.md", 4, "let a = 1"), Snippet("page.md", 9, "print(a)", "continues")]
        (file,) = snippets.files(found, [])
        self.assertEqual(file.text.count("func"), 1)
        self.assertIn("line: 9)\nprint(a)", file.text)
        with self.assertRaises(SnippetError):
            snippets.files(found[1:], [])

    def test_alternatives_are_functions_each(self) -> None:
        found = [Snippet("page.md", 4, "// One\nlet a = 1\n\nlet a = 2\n", "alternatives")]
        self.assertEqual([file.name for file in snippets.files(found, [])], ["line4.swift", "line7.swift"])

    def test_declarations_that_need_it_stay_at_the_top_level(self) -> None:
        (file,) = snippets.files([Snippet("page.md", 4, "extension Run {\n    var a: Int { 1 }\n}")], [])
        self.assertNotIn("func", file.text)

    def test_what_is_skipped_makes_no_file(self) -> None:
        found = [Snippet("page.md", 4, "…", "skip, an outline"), Snippet("page.md", 9, "let a", "excerpt of A.swift")]
        self.assertEqual(snippets.files(found, []), [])


class ManifestTests(unittest.TestCase):
    def test_parts_of_a_manifest_are_values_of_their_type(self) -> None:
        part = Snippet("page.md", 4, '.product(name: "ACPRedis", package: "simple-acp")')
        file = snippets.manifest_file([part])
        assert file is not None
        self.assertIn('line: 3)\nlet snippet4: [Target.Dependency] = [\n.product(', file.text)
        self.assertEqual(snippets.files([part], []), [])
        self.assertIsNone(snippets.manifest_file([]))

    def test_products_that_do_not_exist_are_found(self) -> None:
        part = Snippet("page.md", 4, '.product(name: "ACPRedis", package: "simple-acp")')
        self.assertEqual(snippets.unknown_products(part, ["ACPRedis"]), [])
        self.assertEqual(snippets.unknown_products(part, ["ACPCore"]), ["ACPRedis"])


class ExcerptTests(unittest.TestCase):
    def test_an_excerpt_is_compared_without_indentation_and_remarks(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "A.swift").write_text("struct A {\n    func a() {\n        b()\n    }\n}\n")
            same = Snippet("page.md", 4, "func a() {\n    b()  // calls\n}", "excerpt of A.swift")
            self.assertIsNone(snippets.check_excerpt(same, root))
            other = Snippet("page.md", 4, "func a() {\n    c()\n}", "excerpt of A.swift")
            self.assertIn("page.md:4", snippets.check_excerpt(other, root) or "")
            missing = Snippet("page.md", 4, "b()", "excerpt of B.swift")
            self.assertIn("B.swift", snippets.check_excerpt(missing, root) or "")


if __name__ == "__main__":
    unittest.main()
