# SPDX-License-Identifier: Apache-2.0
"""The check of linearizability agrees with trying all orders."""

import itertools
import random
import unittest

from linearizability import INFINITY, Call, Undecided, apply, is_linearizable


def by_all_orders(calls: list[Call]) -> bool:
    """The definition: some order respects time, and explains all results; what is in doubt may be missing."""
    certain = [call for call in calls if not call.in_doubt]
    doubtful = [call for call in calls if call.in_doubt]
    for count in range(len(doubtful) + 1):
        for chosen in itertools.combinations(doubtful, count):
            for order in itertools.permutations([*certain, *chosen]):
                if is_explained(order):
                    return True
    return False


def is_explained(order: tuple[Call, ...]) -> bool:
    for earlier, later in itertools.combinations(order, 2):
        if later.end < earlier.start:
            return False
    value = None
    for call in order:
        is_possible, value = apply(call, value)
        if not is_possible:
            return False
    return True


def random_calls(rng: random.Random) -> list[Call]:
    """Results that are right for some order, of which one may be spoiled."""
    value, calls = None, []
    for index in range(rng.randrange(1, 7)):
        kind = rng.choice(["set", "cas", "get"])
        start = index + rng.uniform(-2, 0.5)
        end = index + rng.uniform(0.5, 3)
        new, expected, seen = f"v{index}", rng.choice([value, None, "v0", "v1"]), value
        in_doubt = rng.random() < 0.2
        succeeded = kind == "cas" and value == expected
        if kind == "set" or succeeded:
            value = new if not in_doubt or rng.random() < 0.5 else value
        if rng.random() < 0.1:
            seen = rng.choice([None, "v0", "v1", "v2"])
        calls.append(Call(kind, start, INFINITY if in_doubt else end, new, expected, seen, succeeded, in_doubt, index))
    return calls


class LinearizabilityTests(unittest.TestCase):
    def test_it_agrees_with_all_orders_of_random_calls(self) -> None:
        rng = random.Random(7)
        results = []
        for _ in range(1_500):
            calls = random_calls(rng)
            expected = by_all_orders(calls)
            self.assertEqual(is_linearizable(calls), expected, calls)
            results.append(expected)
        # Both outcomes occur.
        self.assertGreater(min(results.count(True), results.count(False)), 100)

    def test_a_lost_update_is_found(self) -> None:
        calls = [
            Call("set", 0, 1, "a"),
            Call("cas", 2, 5, "b", expected="a", succeeded=True),
            Call("cas", 3, 6, "c", expected="a", succeeded=True),
        ]
        self.assertFalse(is_linearizable(calls))

    def test_a_stale_read_is_found(self) -> None:
        calls = [Call("set", 0, 1, "a"), Call("set", 2, 3, "b", seen="a"), Call("get", 4, 5, seen="a")]
        self.assertFalse(is_linearizable(calls))
        self.assertTrue(is_linearizable([*calls[:2], Call("get", 2.5, 5, seen="a")]))

    def test_an_operation_in_doubt_may_take_effect_late_or_never(self) -> None:
        doubt = Call("set", 0, INFINITY, "a", in_doubt=True)
        self.assertTrue(is_linearizable([doubt, Call("get", 1, 2), Call("get", 3, 4, seen="a")]))
        self.assertTrue(is_linearizable([doubt, Call("get", 1, 2), Call("get", 3, 4)]))
        self.assertFalse(is_linearizable([doubt, Call("get", 1, 2, seen="a"), Call("get", 3, 4)]))

    def test_many_operations_are_decided_quickly(self) -> None:
        calls, value = [], None
        for index in range(400):
            calls.append(Call("set", index, index + 4.5, f"v{index}", seen=value))
            value = f"v{index}"
        self.assertTrue(is_linearizable(calls))
        calls.append(Call("get", 500, 501, seen="v3"))
        self.assertFalse(is_linearizable(calls))

    def test_a_search_that_takes_too_long_is_given_up(self) -> None:
        calls = [Call("get", 0, 10, seen="x", operation=index) for index in range(3)]
        calls += [Call("cas", 0, INFINITY, f"v{index}", expected="y", in_doubt=True) for index in range(40)]
        calls += [Call("get", 20, 21, seen=f"v{index}") for index in range(40)]
        with self.assertRaises(Undecided):
            is_linearizable(calls, limit=0)


if __name__ == "__main__":
    unittest.main()
