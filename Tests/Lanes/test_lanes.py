# SPDX-License-Identifier: Apache-2.0
"""The rules by which tests are given to lanes, and what becomes of lanes that fail."""

import json
import re
import sys
import tempfile
import unittest
from pathlib import Path

from lanes import Lane, LaneError, assign, filters
from run import LaneProcess, Outcome

TESTS = ["A.OneTests/a()", "A.OneTests/b()", "A.TwoTests/Inner/c(x:)", "B.OneTests/d()"]


class AssigningTests(unittest.TestCase):
    def test_a_suite_goes_to_the_lane_that_names_it_and_the_rest_of_its_target_to_the_lane_of_the_target(self) -> None:
        lanes = [Lane("x", ["A"]), Lane("y", ["A.TwoTests", "B"])]
        assign(TESTS, lanes)
        self.assertEqual(lanes[0].tests, TESTS[:2])
        self.assertEqual(lanes[1].tests, TESTS[2:])

    def test_a_target_or_suite_in_no_lane_is_named(self) -> None:
        with self.assertRaisesRegex(LaneError, "^B is in no lane$"):
            assign(TESTS, [Lane("x", ["A"])])
        with self.assertRaisesRegex(LaneError, "^A is in no lane$"):
            assign(TESTS, [Lane("x", ["A.OneTests", "B"])])

    def test_a_target_or_suite_in_two_lanes_is_named(self) -> None:
        with self.assertRaisesRegex(LaneError, "^A is in two lanes: x and y$"):
            assign(TESTS, [Lane("x", ["A", "B"]), Lane("y", ["A"])])
        with self.assertRaisesRegex(LaneError, "^A.OneTests is in two lanes: x and x$"):
            assign(TESTS, [Lane("x", ["A", "B", "A.OneTests", "A.OneTests"])])

    def test_a_name_without_tests_is_named(self) -> None:
        with self.assertRaisesRegex(LaneError, r"^A.ThreeTests \(lane x\) has no test$"):
            assign(TESTS, [Lane("x", ["A", "B", "A.ThreeTests"])])

    def test_filters_choose_the_assigned_tests(self) -> None:
        lanes = [Lane("x", ["A"]), Lane("y", ["A.TwoTests", "B"])]
        assign(TESTS, lanes)
        for lane in lanes:
            arguments = filters(lane, lanes)
            pairs = list(zip(arguments[::2], arguments[1::2]))
            chosen = [
                test
                for test in TESTS
                if any(option == "--filter" and re.search(pattern, test) for option, pattern in pairs)
                and not any(option == "--skip" and re.search(pattern, test) for option, pattern in pairs)
            ]
            self.assertEqual(chosen, lane.tests)

    def test_a_field_that_does_not_exist_and_a_lane_of_nothing_are_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "lanes.toml"
            for text, reason in [("[x]\nwidht = 2", "lane x: .*widht"), ("[x]\nwidth = 2", "lane x: it needs either")]:
                file.write_text(text)
                with self.assertRaisesRegex(LaneError, reason):
                    Lane.load(file)


class RunningTests(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def ended(self, script: str, *, tests: list[str] | None = None, minutes: float = 1) -> tuple[LaneProcess, list[str]]:
        lane = Lane("x", command=["x"], minutes=minutes, tests=tests or [])
        events = self.folder / "events"
        process = LaneProcess(lane, [sys.executable, "-c", script, str(events)], events, self.folder / "log")
        while not process.has_ended():
            pass
        return process, process.problems(process.outcome())

    def test_exit_codes_and_crashes_are_failures(self) -> None:
        self.assertEqual(self.ended("")[1], [])
        self.assertEqual(self.ended("exit(3)")[1], ["exit code 3"])
        self.assertEqual(self.ended("import os; os.abort()")[1], ["it crashed: SIGABRT"])

    def test_a_lane_that_takes_too_long_is_ended(self) -> None:
        problems = self.ended("import time; time.sleep(600)", minutes=0.001)[1]
        self.assertEqual(len(problems), 1)
        self.assertRegex(problems[0], "^it took more than")

    def test_a_lane_that_ran_fewer_tests_than_it_has_is_a_failure(self) -> None:
        self.assertEqual(self.ended("", tests=["A.B/c()"])[1], ["0 of its 1 tests have ended"])

    def test_tests_that_run_when_the_process_ends_are_named(self) -> None:
        records = [
            {"kind": "test", "payload": {"id": "A.B/c()", "kind": "function"}},
            {"kind": "event", "payload": {"kind": "testCaseStarted", "testID": "A.B/c()", "instant": {"absolute": 1}}},
        ]
        script = f"import os, sys; open(sys.argv[1], 'w').write({chr(10).join(map(json.dumps, records))!r}); os.abort()"
        problems = self.ended(script, tests=["A.B/c()"])[1]
        self.assertIn("while these tests ran: A.B/c()", problems)

    def test_times_are_counted_from_the_first_case(self) -> None:
        events = self.folder / "events"
        lines = [{"kind": "test", "payload": {"id": "t", "kind": "function"}}]
        for kind, moment in [("testStarted", 1), ("testCaseStarted", 5), ("testCaseStarted", 6), ("testEnded", 8)]:
            lines.append({"kind": "event", "payload": {"kind": kind, "testID": "t", "instant": {"absolute": moment}}})
        events.write_text("\n".join(map(json.dumps, lines)))
        self.assertEqual(Outcome.read(events).seconds, {"t": 3})


if __name__ == "__main__":
    unittest.main()
