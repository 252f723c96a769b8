# SPDX-License-Identifier: Apache-2.0
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from unchanged import Passed, digest


class DigestTests(unittest.TestCase):
    def test_a_digest_depends_on_texts_names_and_contents(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.md"
            page.write_text("a")
            first = digest("flags", page)
            self.assertEqual(digest("flags", page), first)
            self.assertEqual(digest("flags", Path(folder)), first)
            self.assertNotEqual(digest("other flags", page), first)
            page.write_text("b")
            self.assertNotEqual(digest("flags", page), first)
            page.write_text("a")
            other = page.rename(Path(folder) / "other.md")
            self.assertNotEqual(digest("flags", other), first)

    def test_where_an_input_ends_matters(self) -> None:
        self.assertNotEqual(digest("ab", "c"), digest("a", "bc"))


class PassedTests(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "new" / "passed.json"

    @mock.patch.dict(os.environ, {"CI": ""})
    def test_what_has_passed_is_known_in_the_next_run_and_forgotten_when_it_is_not_used(self) -> None:
        first = Passed(self.path)
        self.assertNotIn("a", first)
        first.add("a")
        first.add("b")
        first.save()
        second = Passed(self.path)
        self.assertIn("a", second)
        second.save()
        self.assertNotIn("b", Passed(self.path))

    @mock.patch.dict(os.environ, {"CI": ""})
    def test_a_run_of_some_checks_keeps_the_others(self) -> None:
        first = Passed(self.path)
        first.add("a")
        first.save()
        second = Passed(self.path)
        second.add("b")
        second.save(second.before)
        self.assertIn("a", Passed(self.path))
        self.assertIn("b", Passed(self.path))

    @mock.patch.dict(os.environ, {"CI": ""})
    def test_a_damaged_file_is_as_good_as_none(self) -> None:
        self.path.parent.mkdir()
        self.path.write_text('["a')
        self.assertNotIn("a", Passed(self.path))

    def test_nothing_has_passed_in_continuous_integration(self) -> None:
        passed = Passed(self.path)
        passed.add("a")
        passed.save()
        with mock.patch.dict(os.environ, {"CI": "true"}):
            self.assertNotIn("a", Passed(self.path))


if __name__ == "__main__":
    unittest.main()
