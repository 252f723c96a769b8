# SPDX-License-Identifier: Apache-2.0
import unittest
from pathlib import Path

from compare import compare, figures, report

PAGE = """### Aims and what was reached

| figure | aim | measured | reached |
| --- | --- | --- | --- |
| runs against the bare route | 0.35 or more | 0.40 (0.35–0.44) | yes |
| time per part | no more than 1.2 | 1.00 (0.90–1.10) | yes |

### Sync runs

| runs per second at | 1 connection | processor time |
| --- | --- | --- |
| bare Hummingbird route | 1,823 (1,613–2,644) | 150 µs |
| SimpleACP, memory | 2,000 (1,129–2,055) | 180 µs (170 µs–190 µs) |

| half of the answers, and 99 of 100, within | 1 connection |
| --- | --- |
| SimpleACP, memory | 500 µs, 2.50 ms |

### Listing

| storage | 1,000 runs | ratio |
| --- | --- | --- |
| memory | 2.63 µs | 1.00 |

### RedisClient

|  | redis-benchmark | RedisClient | ratio | one connection | ratio |
| --- | --- | --- | --- | --- | --- |
| SET | 40,000 | 120,000 | 3.00 | 100,000 | 2.50 |
"""


class CompareTests(unittest.TestCase):
    def scores(self, old: str, new: str) -> dict[str, float]:
        now = PAGE.replace(old, new)
        self.assertNotEqual(now, PAGE)
        return {entry.name: round(entry.score, 2) for entry in compare(PAGE, now) if entry.score != 1}

    def test_the_same_figures_are_not_worse(self) -> None:
        self.assertEqual([entry.name for entry in compare(PAGE, PAGE) if entry.is_worse], [])
        self.assertEqual(len(compare(PAGE, PAGE)), 12)

    def test_what_is_compared_with_is_left_out(self) -> None:
        names = " ".join(figures(PAGE))
        self.assertNotIn("bare Hummingbird route,", names)
        self.assertNotIn(", redis-benchmark", names)

    def test_rates_are_worse_if_they_fall(self) -> None:
        self.assertEqual(self.scores("2,000", "1,800"), {"Sync runs: SimpleACP, memory, 1 connection": 0.9})

    def test_times_are_worse_if_they_rise_in_any_unit(self) -> None:
        self.assertEqual(self.scores("500 µs", "1.00 ms"), {"Sync runs: SimpleACP, memory, 1 connection [1]": 0.5})

    def test_an_aim_goes_where_it_says(self) -> None:
        section = "Aims and what was reached"
        self.assertEqual(self.scores("0.40 (", "0.20 ("), {f"{section}: runs against the bare route, measured": 0.5})
        self.assertEqual(self.scores("1.00 (", "2.00 ("), {f"{section}: time per part, measured": 0.5})

    def test_ratios_of_listings_are_worse_if_they_rise_and_those_of_the_client_if_they_fall(self) -> None:
        self.assertEqual(self.scores("2.63 µs | 1.00", "2.63 µs | 2.00"), {"Listing: memory, ratio": 0.5})
        self.assertEqual(self.scores("2.50 |", "1.25 |"), {"RedisClient: SET, ratio (one connection)": 0.5})

    def test_costs_are_worse_if_they_rise(self) -> None:
        costs = "### Costs\n\n| cost | unit | Redis |\n| --- | --- | --- |\n| run: commands |  | 40.0 |\n"
        entries = compare(costs, costs.replace("40.0", "80.0"))
        self.assertEqual([(entry.name, entry.score) for entry in entries], [("Costs: run: commands, Redis", 0.5)])

    def test_rows_of_pgbench_are_left_out(self) -> None:
        table = "### X\n\n| a | rate |\n| --- | --- |\n| commits | 5 |\n| pgbench, one row | 9 |\n"
        self.assertEqual(list(figures(table)), ["X: commits, rate"])

    def test_figures_below_the_threshold_are_marked(self) -> None:
        text = report(compare(PAGE, PAGE.replace("2,000", "1,800")))
        self.assertEqual(sum(line.startswith("!") for line in text.splitlines()), 2)
        self.assertTrue(text.endswith("12 figures compared with the last ones, 1 below 0.95 of them"))

    def test_the_page_of_the_guide_has_figures(self) -> None:
        page = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
        self.assertGreater(len(figures(page.read_text(encoding="utf-8"))), 100)


if __name__ == "__main__":
    unittest.main()
