# SPDX-License-Identifier: Apache-2.0
import contextlib
import io
import subprocess
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import capacity
import costs
import scaling_page
from capacity import Load, Site, plan
from costs import CostError, Costs, Work

ROOT = Path(__file__).resolve().parents[2]

RUN = Work(server=400, storage=200, commands=40, transactions=2, written=5_000, read=500, kept=2_000)
EVENT = Work(server=100, storage=50, commands=5, transactions=1, written=500, read=50, kept=100)
GATHERED = Work(server=10, storage=2, commands=0.1, transactions=0.01, written=150, read=1, kept=100)
REMOTE = Work(server=50, storage=20, commands=1, transactions=0, written=0, read=300, kept=0)
COST = Costs(
    run=RUN, event=EVENT, gathered=GATHERED, byte_written=1, byte_kept=1, local_delivery=20, remote_delivery=REMOTE,
    idle_mebibytes=40, idle_commands=1, active_kibibytes=20, follower_kibibytes=24, awaiting_kibibytes=25,
    awaiting_kept=2_000, unfinished_commands=0, undivided=10,
)  # fmt: skip
LOAD = Load(
    runs=100, events=1, event_bytes=50, followers=0, other_followers=0, awaiting=0, duration=1, retention=86_400
)
SITE = Site(
    cores=2, memory=4, storage_cores=4, storage_memory=1_000, storage_transactions=None, target=0.5, active_runs=10**6
)


def shares(result: capacity.Plan) -> dict[str, float]:
    return {resource.name: round(resource.share, 3) for resource in result.resources}


class PlanTests(unittest.TestCase):
    def test_a_small_load_needs_two_processes_on_a_shared_storage_and_one_elsewhere(self) -> None:
        for backend, processes in [("redis", 2), ("cluster", 2), ("postgres", 2), ("sqlite", 1), ("memory", 1)]:
            self.assertEqual(plan(backend, COST, LOAD, SITE).processes, processes, backend)

    def test_processors_are_those_of_runs_events_and_deliveries(self) -> None:
        load = replace(LOAD, runs=1_000, events=11, followers=2)
        # 400 + 10 × 100 + 11 × 2 × 20 µs for each run.
        result = plan("redis", COST, load, replace(SITE, processes=1, target=1))
        self.assertEqual(shares(result)["server processors"], 0.92)
        # 200 + 10 × 50 µs, of one processor. The heartbeat hardly counts.
        self.assertEqual(shares(result)["processor of Redis"], 0.7)

    def test_machines_are_added_until_the_processors_suffice(self) -> None:
        # 4 processors, of which each machine may use 1.
        self.assertEqual(plan("postgres", COST, replace(LOAD, runs=10_000), SITE).processes, 4)

    def test_followers_of_other_processes_cost_reads_of_the_storage(self) -> None:
        load = replace(LOAD, other_followers=10)
        alone = plan("redis", COST, load, replace(SITE, processes=1))
        several = plan("redis", COST, load, replace(SITE, processes=4))
        self.assertAlmostEqual(several.commands - alone.commands, 100 * 10 * 3 / 4 + 3)

    def test_the_retention_determines_the_memory_of_redis(self) -> None:
        result = plan("redis", COST, LOAD, replace(SITE, storage_memory=32))
        self.assertEqual(result.kept, 100 * 86_400 * 2_000)
        self.assertEqual(result.first.name, "memory of Redis")
        self.assertFalse(result.fits)

    def test_larger_parts_are_written_and_kept(self) -> None:
        small = plan("redis", COST, replace(LOAD, events=10), SITE)
        large = plan("redis", COST, replace(LOAD, events=10, event_bytes=1_050), SITE)
        self.assertEqual(large.written - small.written, 100 * 10 * 1_000)
        self.assertEqual(large.kept - small.kept, 100 * 86_400 * 10 * 1_000)

    def test_waiting_runs_and_followers_take_memory_of_the_processes(self) -> None:
        load = replace(LOAD, awaiting=1_000_000)
        result = plan("redis", COST, load, SITE)
        self.assertGreater(result.processes, 12)
        self.assertEqual(result.first.name, "server memory")

    def test_limits_of_processes_require_further_ones(self) -> None:
        runs = plan("redis", COST, replace(LOAD, duration=30), replace(SITE, active_runs=1_000))
        self.assertEqual((runs.first.name, runs.processes), ("server runs", 6))
        streams = plan("redis", COST, replace(LOAD, duration=30, followers=3), SITE)
        self.assertEqual((streams.first.name, streams.processes), ("server streams", 20))

    def test_a_cluster_gets_as_many_masters_as_its_processors_need(self) -> None:
        cost = replace(COST, undivided=0)
        # 2 processors, of which each master may use a half.
        self.assertEqual(plan("cluster", cost, replace(LOAD, runs=9_900), SITE).shards, 4)

    def test_commands_that_always_go_to_one_master_limit_a_cluster(self) -> None:
        # A quarter of 2 processors remains on one master.
        result = plan("cluster", COST, replace(LOAD, runs=10_000), SITE)
        self.assertFalse(result.fits)
        self.assertEqual(result.first.name, "processor of the busiest master")
        self.assertIn("More masters do not help", result.remarks[-1])

    def test_masters_that_are_given_are_not_changed(self) -> None:
        result = plan("cluster", COST, replace(LOAD, runs=4_000), replace(SITE, shards=2))
        self.assertEqual(result.shards, 2)
        # 0.2 that are not divided, and half of the other 0.6, of 0.5.
        self.assertEqual(shares(result)["processor of the busiest master"], 1)

    def test_transactions_limit_postgresql_if_they_are_known(self) -> None:
        known = plan("postgres", COST, LOAD, replace(SITE, storage_transactions=800))
        self.assertEqual(shares(known)["transactions of PostgreSQL"], 0.5)
        unknown = plan("postgres", COST, LOAD, SITE)
        self.assertNotIn("transactions of PostgreSQL", shares(unknown))
        self.assertIn("--storage-transactions", unknown.remarks[-1])

    def test_memory_and_sqlite_do_not_grow_beyond_one_process(self) -> None:
        for backend in ("memory", "sqlite"):
            result = plan(backend, COST, replace(LOAD, runs=10_000), SITE)
            self.assertEqual(result.processes, 1)
            self.assertFalse(result.fits)
            self.assertIn("one process", result.remarks[-1])

    def test_fast_agents_cost_less(self) -> None:
        load = replace(LOAD, events=1_001)
        slow = plan("redis", COST, load, replace(SITE, processes=1))
        fast = plan("redis", COST, replace(load, is_fast=True), replace(SITE, processes=1))
        self.assertLess(fast.first.share, slow.first.share / 5)


class CommandTests(unittest.TestCase):
    def output(self, *words: str) -> tuple[int, str, str]:
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            try:
                status = capacity.main(list(words))
            except SystemExit as end:
                status = int(end.code or 0)
        return status, out.getvalue(), errors.getvalue()

    def test_it_prints_machines_and_what_gives_out_first(self) -> None:
        for backend in costs.TITLES:
            status, text, _ = self.output("--backend", backend, "--runs", "1", "--retention", "1h")
            self.assertEqual(status, 0, text)
            self.assertIn("gives out first: ", text)

    def test_a_load_that_does_not_fit_is_status_1(self) -> None:
        status, text, _ = self.output("--backend", "sqlite", "--runs", "1,000,000")
        self.assertEqual(status, 1)
        self.assertIn("does not fit", text)

    def test_wrong_values_are_named(self) -> None:
        wrong = {
            ("--runs", "many"): "'many' is no number",
            ("--runs", "0"): "must be more than 0",
            ("--runs", "-1"): "'-1' is no number from 0 on",
            ("--runs", "nan"): "'nan' is no number",
            ("--runs", "1", "--duration", "5 weeks"): "is no duration: write 90, 15m, 24h or 7d",
            ("--runs", "1", "--shards", "3"): "--shards belongs to --backend cluster",
            ("--runs", "1", "--storage-transactions", "3"): "belongs to --backend postgres",
            ("--runs", "1", "--processes", "1.5"): "no whole number",
            ("--runs", "1", "--target", "1.1"): "must be at most 1",
            (): "required: --runs",
        }
        for words, text in wrong.items():
            status, _, errors = self.output("--backend", "redis", *words)
            self.assertEqual(status, 2, words)
            self.assertIn(text, errors)
        status, _, errors = self.output("--backend", "memory", "--runs", "1", "--processes", "2")
        self.assertEqual(status, 2)
        self.assertIn("one process only", errors)

    def test_the_script_starts_it(self) -> None:
        done = subprocess.run([ROOT / "scripts" / "capacity", "--help"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("scripts/capacity", done.stdout)

    def test_durations_have_units(self) -> None:
        for text, value in {"90": 90, "1.5s": 1.5, "15m": 900, "24h": 86_400, "7d": 604_800}.items():
            self.assertEqual(capacity.seconds(text), value)

    def test_sizes_are_written_for_people(self) -> None:
        sizes = {10: "10 bytes", 2_048: "2 KiB", 300 * 2**20: "300 MiB", 5 * 2**40: "5.0 TiB"}
        for number, text in sizes.items():
            self.assertEqual(capacity.size(number), text)


class CostTests(unittest.TestCase):
    def test_the_page_has_the_costs_of_all_backends(self) -> None:
        for backend in costs.TITLES:
            cost = costs.read(backend)
            self.assertGreater(cost.run.server, 0, backend)
            self.assertGreater(cost.follower_kibibytes, 0, backend)

    def test_limits_and_examples_of_the_page_follow_from_its_costs(self) -> None:
        page = costs.PAGE.read_text(encoding="utf-8")
        self.assertEqual(scaling_page.complete(page), page, "python3 Benchmarks/python/scaling_page.py writes them again")
        self.assertGreaterEqual(page.count("gives out first: "), 3)

    def test_what_is_missing_is_named_with_the_remedy(self) -> None:
        page = costs.PAGE.read_text(encoding="utf-8")
        row = next(line for line in page.splitlines() if line.startswith("| active run: memory |"))
        wrong = {
            page.replace(row + "\n", ""): "no cost named 'active run: memory'",
            page.replace(row, "| active run: memory | KiB | – | – | – | – | – |"): "no 'active run: memory' of Redis",
            page.replace(row, "| active run: memory | KiB | 1 | 1 | 1 | much | 1 |"): "is not a number: much",
            page.replace("costs: written by", "costs, written by"): "no table of costs",
        }
        for text, problem in wrong.items():
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "scaling.md"
                copy.write_text(text, encoding="utf-8")
                with self.assertRaises(CostError) as caught:
                    costs.read("redis", copy)
                self.assertIn(problem, str(caught.exception))
                self.assertIn("scripts/bench", str(caught.exception))

    def test_a_missing_page_is_an_error(self) -> None:
        with self.assertRaises(CostError):
            costs.read("redis", Path("/nonexistent/scaling.md"))


if __name__ == "__main__":
    unittest.main()
