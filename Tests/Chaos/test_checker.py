# SPDX-License-Identifier: Apache-2.0
"""The checker finds nothing in a right history, and each fault in histories that are wrong in one way."""

import json
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checker import check, report, shortest
from history import OK, REFUSED, UNKNOWN, History, Operation, shorten

SHARED, REGISTER = "shared", "register"


class Story:
    """A right history whose operations have names, so that a test can spoil one of them."""

    def __init__(self) -> None:
        self.history = History(meta={"storage": "redis", "lease": 3})
        self.named: dict[str, Operation] = {}
        self._time = 0.0
        self.runs: dict[str, dict[str, Any]] = {}
        self._tell()

    def add(self, name: str, kind: str, request: dict[str, Any], outcome: str = OK, status: int | None = 200, **response: Any) -> None:
        self._time += 1
        operation = Operation(len(self.named), kind, self._time, request, "p0", self._time + 0.5, outcome, status, response)
        if outcome == UNKNOWN:
            operation.end = None
            operation.status = None
        self.named[name] = operation
        self.history.operations.append(operation)

    def create(
        self, tag: str, agent: str, status: str, output: list[str], session: str = SHARED, outcome: str = OK, **order: Any
    ) -> None:
        run = {
            "run_id": f"run-{tag}", "session_id": session, "status": status,
            "output": [{"role": f"agent/{agent}", "parts": [{"content": text} for text in output]}] if output else [],
        }  # fmt: skip
        self.runs[tag] = run
        request = {
            "agent": agent, "tag": tag, "order": {"tag": tag, **order}, "session": session, "own": False,
            "key": None, "mode": "sync", "protocol": "acp",
        }  # fmt: skip
        response = {"run_id": run["run_id"], "run": run} if outcome == OK else {}
        self.add(f"create {tag}", "create", request, outcome, **response)

    def log(self, tag: str) -> list[dict[str, Any]]:
        run = self.runs[tag]
        parts = [part for message in run["output"] for part in message["parts"]]
        events = [{"type": "run.created"}, {"type": "run.in-progress"}]
        events += [{"type": "message.part", "part": part} for part in parts]
        return [*events, {"type": f"run.{run['status']}"}]

    def seen(self, tag: str) -> list[dict[str, Any]]:
        return [{"id": id, "at": self._time + 1.1, "event": event} for id, event in enumerate(self.log(tag))]

    def block(self, tag: str) -> list[dict[str, Any]]:
        order = self.named[f"create {tag}"].request["order"]
        return [{"role": "user", "parts": [{"content": json.dumps(order)}]}, *self.runs[tag]["output"]]

    def _tell(self) -> None:
        self.create("t1", "steps", "completed", ["t1.0;", "t1.1;"], steps=2)
        self.add("follow", "follow", {"run": "run-t1", "after": -1, "follower": 1}, events=self.seen("t1"))
        self.add("page", "events", {"run": "run-t1"}, events=self.seen("t1"), total=5)
        self.create("t2", "asker", "completed", ["t2.a0=yes;"], questions=1)
        self.named["create t2"].response["run"] = {"run_id": "run-t2", "session_id": SHARED, "status": "awaiting"}
        self.add("answer", "answer", {"run": "run-t2", "text": "yes"}, run=self.runs["t2"])
        self.add("second answer", "answer", {"run": "run-t2", "text": "no"}, REFUSED, 403)
        self.create("t3", "state", "completed", ["t3.set:"], REGISTER, operation="set", value="t3")
        self.create("t4", "state", "completed", ["t4.swapped:"], REGISTER, operation="cas", value="t4", expected="t3")
        self.create("t5", "state", "completed", ["t5.is:t4"], REGISTER, operation="cas", value="t5", expected="t3")
        self.create("t6", "steps", "cancelled", [], steps=1)
        self.named["create t6"].response["run"] = {"run_id": "run-t6", "session_id": SHARED, "status": "in-progress"}
        self.add("cancel", "cancel", {"run": "run-t6"}, status=202)
        self.create("t7", "steps", "completed", ["t7.0;"], steps=1, outcome=UNKNOWN)
        self.create("t8", "fragile", "failed", [], steps=1)
        self.runs["t8"]["error"] = {"message": "the server process ended before the run did"}
        self.add("state", "state", {"session": REGISTER}, state="t4")
        self.add("history", "history", {"session": SHARED}, messages=[*self.block("t1")])
        self.add("final-list", "final-list", {}, runs=[*self.runs.values()])
        for tag, run in self.runs.items():
            self.add(f"final {tag}", "final-run", {"run": run["run_id"]}, run=run)
            self.add(f"final events {tag}", "final-events", {"run": run["run_id"]}, events=self.seen(tag), total=len(self.log(tag)))
        messages = [*self.block("t1"), *self.block("t2"), *self.block("t7")]
        self.add("final history", "final-history", {"session": SHARED}, messages=messages)
        states = [*self.block("t3"), *self.block("t4"), *self.block("t5")]
        self.add("final states", "final-history", {"session": REGISTER}, messages=states)
        self.add("final state", "final-state", {"session": REGISTER}, state="t4")
        self.history.leftovers = []
        # A story has its own copy of everything.
        for operation in self.history.operations:
            operation.response = json.loads(json.dumps(operation.response))
            operation.request = json.loads(json.dumps(operation.request))

    # Ways to spoil it

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self.named[name].response

    def everywhere(self, tag: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Changes a run in all responses but that of its creation."""
        for name, operation in self.named.items():
            runs = [operation.response.get("run"), *(operation.response.get("runs") or [])]
            for run in runs:
                if run and run["run_id"] == f"run-{tag}" and not name.startswith("create"):
                    change(run)

    def set_output(self, tag: str, output: list[str]) -> None:
        """The agent has sent other parts, and everybody has seen them."""
        self.runs[tag] = {**self.runs[tag], "output": [{"role": "agent", "parts": [{"content": one} for one in output]}]}
        self.everywhere(tag, lambda run: run.update(output=self.runs[tag]["output"]))
        self[f"final events {tag}"].update(events=self.seen(tag), total=len(self.log(tag)))

    def set_status(self, tag: str, status: str) -> None:
        self.runs[tag] = {**self.runs[tag], "status": status}
        self.everywhere(tag, lambda run: run.update(status=status))
        self[f"final events {tag}"].update(events=self.seen(tag), total=len(self.log(tag)))


def spoil_state_read(story: Story) -> None:
    story["state"]["state"] = "t3"


def swap(entries: list[Any], one: int, other: int) -> None:
    entries[one], entries[other] = entries[other], entries[one]


def remove(story: Story, *names: str) -> None:
    story.history.operations = [one for one in story.history.operations if one not in [story.named[name] for name in names]]


def refuse_all(story: Story) -> None:
    story.named["create t7"].outcome = REFUSED
    story.named["create t7"].end = story.named["create t7"].start + 0.5


def cancel_refused_too_early(story: Story) -> None:
    story.named["cancel"].outcome = REFUSED
    story.named["cancel"].status = 403
    story.named["second cancel"] = Operation(900, "cancel", 40, {"run": "run-t6"}, "p0", 41, OK, 202)
    story.named["look"] = Operation(
        901, "run", 20, {"run": "run-t6"}, "p0", 20.2, OK, 200, {"run": {"run_id": "run-t6", "status": "in-progress"}})
    story.history.operations += [story.named["second cancel"], story.named["look"]]


def lose_run(story: Story) -> None:
    story["final-list"]["runs"] = [run for run in story["final-list"]["runs"] if run["run_id"] != "run-t1"]


def second_run(story: Story) -> None:
    run = {**story.runs["t1"], "run_id": "another"}
    story["final-list"]["runs"].append(run)


def stranger(story: Story) -> None:
    story["final-list"]["runs"].append({"run_id": "stranger", "session_id": "unknown", "status": "completed", "output": []})


def two_tags(story: Story) -> None:
    story["create t1"]["run_id"] = "run-t3"


def stuck(story: Story) -> None:
    story.add("stuck", "stuck", {"run": "run-t1", "follower": 1})


WRONG: dict[str, tuple[Callable[[Story], Any], str]] = {
    "an event that changes": (lambda s: s["page"]["events"][2]["event"]["part"].update(content="t1.9;"), "events-agree"),
    "events in another order for another follower": (lambda s: swap(s["page"]["events"], 2, 3), "events-gapless"),
    "an event that a stream misses": (lambda s: s["follow"]["events"].pop(1), "events-gapless"),
    "an event that a stream repeats": (lambda s: s["follow"]["events"].insert(1, s["follow"]["events"][0]), "events-gapless"),
    "a stream that begins elsewhere": (lambda s: s.named["follow"].request.update(after=1), "events-gapless"),
    "an event that disappears": (lambda s: s["final events t1"].update(events=s.seen("t1")[:4], total=4), "events-stay"),
    "an event after the end": (
        lambda s: s["final events t1"].update(events=[*s.seen("t1"), {"id": 5, "event": {"type": "generic"}}], total=6),
        "events-stay",
    ),
    "two ends": (lambda s: s["final t1"]["run"].update(status="failed"), "ends-are-final"),
    "a run that is not ended any more": (lambda s: s["final t1"]["run"].update(status="in-progress"), "ends-are-final"),
    "a run that one request has created twice": (second_run, "created-once"),
    "a run that nobody has asked for": (stranger, "created-once"),
    "a run that was created though all its requests were refused": (refuse_all, "created-once"),
    "one run for two requests": (two_tags, "created-once"),
    "an acknowledged run that is not listed": (lose_run, "not-lost"),
    "an acknowledged run that is not found": (
        lambda s: (setattr(s.named["final t1"], "status", 404), setattr(s.named["final t1"], "outcome", REFUSED), s["final t1"].clear()),
        "not-lost",
    ),
    "a step that is missing": (lambda s: s.set_output("t1", ["t1.0;"]), "output-exact"),
    "a step that was taken twice": (lambda s: s.set_output("t1", ["t1.0;", "t1.0;", "t1.1;"]), "output-exact"),
    "steps in another order": (lambda s: s.set_output("t1", ["t1.1;", "t1.0;"]), "output-exact"),
    "a content of another run": (lambda s: s.set_output("t1", ["t7.0;", "t1.1;"]), "output-exact"),
    "an answer to the wrong question": (lambda s: s.set_output("t2", ["t2.a1=yes;"]), "output-exact"),
    "an answer that was refused and used": (lambda s: s.set_output("t2", ["t2.a0=no;"]), "answers-once"),
    "an answer that was acknowledged and not used": (
        lambda s: (setattr(s.named["second answer"], "outcome", OK), setattr(s.named["second answer"], "status", 202)),
        "answers-once",
    ),
    "an answer from nowhere": (lambda s: s.set_output("t2", ["t2.a0=what;"]), "answers-once"),
    "an answer that was used twice": (lambda s: s.set_output("t2", ["t2.a0=yes;", "t2.a1=yes;"]), "answers-once"),
    "an acknowledged cancel without effect": (lambda s: s.set_status("t6", "completed"), "cancels-count"),
    "a cancelled run that nobody has cancelled": (lambda s: remove(s, "cancel"), "cancels-count"),
    "a cancel that was refused too early": (cancel_refused_too_early, "cancels-count"),
    "a failure of a run that can be replayed": (
        lambda s: (s["create t1"]["run"].update(status="in-progress"), s.set_status("t1", "failed")), "failures",
    ),
    "a failure without the end of a process": (
        lambda s: s.everywhere("t8", lambda run: run.update(error={"message": "the stored run is damaged"})), "failures",
    ),
    "a response with status 500": (lambda s: setattr(s.named["page"], "status", 500), "responses"),
    "a run that does not end": (lambda s: s.set_status("t7", "in-progress"), "everything-ends"),
    "a follower that waits for ever": (stuck, "everything-ends"),
    "a block that is missing": (lambda s: s["final history"].update(messages=s.block("t1") + s.block("t7")), "histories"),
    "a block that is there twice": (lambda s: s["final history"]["messages"].extend(s.block("t1")), "histories"),
    "a block that is not whole": (lambda s: s["final history"]["messages"].pop(1), "histories"),
    "blocks that are mixed": (lambda s: swap(s["final history"]["messages"], 1, 2), "histories"),
    "the block of a failed run": (lambda s: s["final history"]["messages"].extend(s.block("t8")), "histories"),
    "an entry from nowhere": (
        lambda s: s["final history"]["messages"].append({"role": "user", "parts": [{"content": "hello"}]}), "histories",
    ),
    "an impossible order of blocks": (
        lambda s: s["final history"].update(messages=s.block("t2") + s.block("t1") + s.block("t7")), "histories",
    ),
    "a history that has changed": (
        lambda s: s["history"]["messages"][1]["parts"][0].update(content="t1.7;"), "histories-grow",
    ),
    "a read of an old state": (spoil_state_read, "states-linearizable"),
    "a lost update": (lambda s: s.set_output("t4", ["t4.set:"]) or s.named["create t4"].request["order"].update(operation="set"),
                      "states-linearizable"),
    "a swap of a value that was not there": (lambda s: s.named["create t4"].request["order"].update(expected="t9"),
                                             "states-linearizable"),
    "a swap that failed for no reason": (lambda s: s.set_output("t4", ["t4.is:t3"]), "states-linearizable"),
    "events that arrive late": (
        lambda s: [s.add(f"probe {number}", "probe", {}, seconds=(0.1, 9, 20)[number]) for number in range(3)], "prompt",
    ),
    "something that is left in the storage": (lambda s: s.history.leftovers.append("acp:run:x"), "nothing-left"),
    "a server that crashes": (lambda s: s.history.crashes.append("p0 ended by itself"), "servers-live"),
}  # fmt: skip


class CheckerTests(unittest.TestCase):
    def test_a_right_history_has_no_violations(self) -> None:
        self.assertEqual([str(one) for one in check(Story().history)], [])

    def test_each_wrong_history_is_found(self) -> None:
        for name, (spoil, rule) in WRONG.items():
            with self.subTest(name):
                story = Story()
                spoil(story)
                found = {one.rule for one in check(story.history)}
                self.assertIn(rule, found)

    def test_a_saved_history_has_the_same_violations(self) -> None:
        story = Story()
        spoil_state_read(story)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "history.jsonl"
            story.history.save(path)
            loaded = History.load(path)
        self.assertEqual(loaded, story.history)
        self.assertEqual(check(loaded), check(story.history))

    def test_the_shortest_history_has_only_what_is_needed(self) -> None:
        story = Story()
        story["page"]["events"][2]["event"]["part"]["content"] = "t1.9;"
        violation = next(one for one in check(story.history) if one.rule == "events-agree")
        short = shortest(story.history, violation)
        self.assertEqual(len(short.operations), 2)
        self.assertIn(story.named["page"], short.operations)
        self.assertIn("events-agree", report(story.history, [violation]))

    def test_a_request_in_doubt_may_have_taken_effect_or_not(self) -> None:
        story = Story()
        remove(story, "final t7", "final events t7")
        story["final-list"]["runs"] = [one for one in story["final-list"]["runs"] if one["run_id"] != "run-t7"]
        messages = story["final history"]["messages"]
        story["final history"]["messages"] = messages[: -len(story.block("t7"))]
        self.assertEqual([str(one) for one in check(story.history)], [])

    def test_references_to_contents_in_a_list_are_not_compared_with_the_output(self) -> None:
        story = Story()
        run = story["final t1"]["run"]
        remove(story, "follow", "page", "final t1", "final events t1")
        parts = [{"content_url": "http://127.0.0.1/1"}, {"content_url": "http://127.0.0.1/2"}]
        listed = {**run, "output": [{"role": "agent", "parts": parts}]}
        story["final-list"]["runs"] = [listed if one["run_id"] == "run-t1" else one for one in story["final-list"]["runs"]]
        self.assertEqual([str(one) for one in check(story.history)], [])

    def test_long_texts_stay_equal_or_different_when_they_are_shortened(self) -> None:
        self.assertEqual(shorten("a" * 1_000), shorten("a" * 1_000))
        self.assertNotEqual(shorten("a" * 1_000), shorten("a" * 999 + "b"))
        self.assertLess(len(shorten("a" * 1_000)), 120)
        self.assertEqual(shorten({"x": ["short"]}), {"x": ["short"]})


if __name__ == "__main__":
    unittest.main()
