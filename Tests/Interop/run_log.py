# SPDX-License-Identifier: Apache-2.0
"""The rules of a run's log, independent of the processes that wrote it."""

from typing import Any

from calls import TERMINAL

OWNER_LOST = "ended before the run did"
"""The error text of a run whose process was killed and that could not be continued."""


def check(run: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """Checks that the events are those of one run in a valid order, and that they result in the run."""
    kinds = [event["type"] for event in events]
    where = f"run {run['run_id']} ({run['agent_name']}, {run['status']}) with {kinds}"
    assert kinds[0] == "run.created" and kinds.count("run.created") == 1, where
    output: list[list[Any]] = []
    state = "created"
    for event in events[1:]:
        kind = event["type"]
        if kind in ("generic", "error"):
            # They change nothing of the run.
            assert state in ("in-progress", "speaking"), where
            continue
        assert state in POSSIBLE[kind], f"{kind} in state {state}: {where}"
        match kind:
            case "message.created":
                output.append(list(event["message"]["parts"]))
                state = "speaking"
            case "message.part":
                output[-1].append(event["part"])
            case "message.completed":
                assert event["message"]["parts"] == output[-1], where
                state = "in-progress"
            case "run.in-progress" | "run.awaiting" | "run.completed" | "run.failed" | "run.cancelled":
                state = kind.removeprefix("run.")
                assert event["run"]["status"] == state, where
    status = "in-progress" if state == "speaking" else state
    assert run["status"] in (status, "cancelling"), where
    assert [message["parts"] for message in run["output"]] == output, where
    if state in TERMINAL:
        assert events[-1]["run"] == run, where


IN_PROGRESS = {"in-progress"}
UNFINISHED = {"created", "in-progress", "awaiting"}
POSSIBLE = {
    "run.in-progress": {"created", "awaiting"},
    "run.awaiting": IN_PROGRESS,
    "message.created": IN_PROGRESS,
    "message.part": {"speaking"},
    "message.completed": {"speaking"},
    "run.completed": IN_PROGRESS,
    "run.failed": UNFINISHED,
    "run.cancelled": UNFINISHED,
}
"""The states in which an event is valid."""


def said(run: dict[str, Any]) -> list[str]:
    """Returns the text of each message of the run."""
    return ["".join(part["content"] for part in message["parts"]) for message in run["output"]]


def failed_with_its_owner(run: dict[str, Any]) -> bool:
    return run["status"] == "failed" and OWNER_LOST in run["error"]["message"]
