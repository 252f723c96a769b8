# SPDX-License-Identifier: Apache-2.0
"""Rules about single runs: their events, their ends, and the effects of requests."""

import re
from collections import defaultdict
from collections.abc import Iterator

from facts import REPLAYED, Facts, RunFacts, Violation, expected_steps, output_of
from history import OK, REFUSED, TERMINAL

ANSWER = re.compile(r"^(?P<tag>[^.]+)\.a(?P<question>\d+)=(?P<text>.*);$", re.DOTALL)
OWNER_LOST = re.compile(r"ended before|shut ?down|shutting down")


def events_agree(facts: Facts) -> Iterator[Violation]:
    """An event never changes, and is the same for all."""
    for run in facts.runs.values():
        first: dict[int, object] = {}
        for seen in run.events:
            if seen.id not in first:
                first[seen.id] = seen
            elif (before := first[seen.id]).event != seen.event:
                yield Violation(
                    "events-agree", run.id, f"event {seen.id} is {seen.event} after it was {before.event}",
                    (before.operation.id, seen.operation.id))  # fmt: skip
                break


def events_gapless(facts: Facts) -> Iterator[Violation]:
    """A stream begins after the event that its client names, and misses and repeats none."""
    for operation in facts.of_kind("follow", "create", "answer", "events", "final-events"):
        after = operation.request.get("after", -1)
        if operation.kind == "answer":
            # The stream of an answer begins wherever the run is.
            events = operation.response.get("events") or []
            after = events[0]["id"] - 1 if events else -1
        for event in operation.response.get("events") or []:
            if event["id"] != after + 1:
                subject = operation.request.get("run") or operation.response.get("run_id", "")
                yield Violation(
                    "events-gapless", subject, f"event {event['id']} follows {after} in a stream", (operation.id,))
                break
            after = event["id"]


def events_stay(facts: Facts) -> Iterator[Violation]:
    """An event that somebody has seen is in every later page of all events, and the last event is the end."""
    for run in facts.runs.values():
        pages = [one for one in run.reads if one.kind in ("events", "final-events") and one.outcome == OK]
        for page in pages:
            total = page.response.get("total", 0)
            for seen in run.events:
                if seen.at < page.start and seen.id >= total and not run.is_deleted_before(page.until):
                    yield Violation(
                        "events-stay", run.id, f"event {seen.id} was seen, and later the run had {total} events",
                        (seen.operation.id, page.id))  # fmt: skip
                    return
        ends = [one for one in run.events if one.terminal_status]
        for end in ends:
            if later := next((one for one in run.events if one.id > end.id), None):
                yield Violation(
                    "events-stay", run.id, f"event {later.id} follows the end of the run, event {end.id}",
                    (end.operation.id, later.operation.id))  # fmt: skip
                break


def ends_are_final(facts: Facts) -> Iterator[Violation]:
    """A run has one end. Everyone who looks after somebody has seen it sees it."""
    for run in facts.runs.values():
        seen = [(one.status, one.operation.start, one.operation.until, one.operation.id) for one in run.seen]
        seen += [
            (one.terminal_status, one.operation.start, one.at, one.operation.id)
            for one in run.events
            if one.terminal_status
        ]
        ends = [one for one in seen if one[0] in TERMINAL]
        if not ends:
            continue
        first = min(ends, key=lambda one: one[2])
        for status, start, _, operation in seen:
            if status in TERMINAL and status != first[0]:
                yield Violation(
                    "ends-are-final", run.id, f"it was {first[0]} and {status}", (first[3], operation))  # fmt: skip
                break
            if status not in TERMINAL and start > first[2]:
                yield Violation(
                    "ends-are-final", run.id, f"it was {status} after it had been {first[0]}", (first[3], operation))
                break


def runs_are_created_once(facts: Facts) -> Iterator[Violation]:
    """A request creates one run, however often it is repeated with the same key; no run comes from nowhere."""
    runs: dict[str, set[str]] = defaultdict(set)
    for run in facts.runs.values():
        if run.tag is not None:
            runs[run.tag].add(run.id)
        elif any(one.operation.kind in ("list", "final-list") for one in run.seen) and not _may_be_in_doubt(facts, run):
            yield Violation(
                "created-once", run.id, "nobody has asked for this run", tuple(one.operation.id for one in run.seen[:1]))
    for tag, ids in runs.items():
        creates = facts.creates[tag]
        if len(ids) > 1:
            yield Violation(
                "created-once", tag, f"one request has created the runs {', '.join(sorted(ids))}",
                tuple(one.id for one in creates))  # fmt: skip
        if creates and all(one.outcome == REFUSED for one in creates):
            yield Violation(
                "created-once", tag, "the run exists, and all requests for it were refused",
                tuple(one.id for one in creates))  # fmt: skip
    for run in facts.runs.values():
        tags = {one.request["tag"] for one in run.creates}
        if len(tags) > 1:
            yield Violation(
                "created-once", run.id, f"it was returned for the requests {', '.join(sorted(tags))}",
                tuple(one.id for one in run.creates))  # fmt: skip


def _may_be_in_doubt(facts: Facts, run: RunFacts) -> bool:
    """Whether a run without output may be that of a request whose response was lost."""
    sessions = {one.run.get("session_id") for one in run.seen}
    return any(
        one.is_in_doubt and (one.request["session"] is None or one.request["session"] in sessions)
        for creates in facts.creates.values()
        for one in creates
    )


def runs_are_not_lost(facts: Facts) -> Iterator[Violation]:
    """A run that a response contained is found by everyone until it is deleted, and is listed at the end."""
    finals = [one for one in facts.of_kind("final-list") if one.outcome == OK]
    for run in facts.runs.values():
        known = [one.operation for one in run.seen] + [one for one in run.creates if one.outcome == OK]
        since = min((one.until for one in known), default=float("inf"))
        for read in [*run.reads, *run.answers, *run.cancels]:
            if read.status == 404 and read.start > since and not run.is_deleted_before(read.until):
                first = min(known, key=lambda one: one.until)
                yield Violation("not-lost", run.id, "it was not found, though it existed before", (first.id, read.id))
                break
        for final in finals:
            listed = {one["run_id"] for one in final.response["runs"]}
            if since < final.start and run.id not in listed and not run.is_deleted_before(final.until):
                first = min(known, key=lambda one: one.until)
                yield Violation("not-lost", run.id, "it is not in the list of all runs", (first.id, final.id))


def output_is_exact(facts: Facts) -> Iterator[Violation]:
    """Each step of an agent is in the output once and in order; all of them if the run is completed."""
    for run in facts.runs.values():
        create = facts.order(run.tag) if run.tag else None
        if create is None or create.request["agent"] not in ("steps", "fragile", "asker"):
            continue
        operations = tuple(dict.fromkeys([create.id, *(one.operation.id for one in run.events[-1:])]))
        if run.last is not None and run.terminal_status == "completed":
            operations += (run.last.operation.id,)
        steps = expected_steps(create.request["order"])
        answers = [part for part in run.parts if ANSWER.match(part)]
        found = [part for part in run.parts if not ANSWER.match(part)]
        questions = create.request["order"].get("questions", 0)
        numbers = [int(ANSWER.match(part)["question"]) for part in answers]
        if numbers != list(range(len(numbers))) or len(numbers) > questions:
            yield Violation("output-exact", run.id, f"answers appear as {answers}", operations)
        if found != steps[: len(found)]:
            yield Violation("output-exact", run.id, f"the parts are {found}, expected are {steps}", operations)
        if run.terminal_status != "completed" or run.last is None or "omitted" in run.last.run:
            continue
        if run.last.is_terminal and run.last.operation.kind not in ("list", "final-list"):
            output = output_of(run.last.run)
            if [part for part in output if not ANSWER.match(part)] != steps:
                yield Violation("output-exact", run.id, f"the output is {output}, expected are {steps}", operations)
            if len(output) != len(steps) + questions:
                yield Violation("output-exact", run.id, f"of {questions} answers, the output has {output}", operations)


def answers_count_once(facts: Facts) -> Iterator[Violation]:
    """An acknowledged answer is used once, a refused one never, one in doubt at most once."""
    for run in facts.runs.values():
        used: dict[str, int] = defaultdict(int)
        for part in run.parts:
            if match := ANSWER.match(part):
                used[match["text"]] += 1
        sent = {one.request["text"]: one for one in run.answers}
        for text, count in used.items():
            if text not in sent:
                yield Violation("answers-once", run.id, f"the answer {text} was used, and nobody has sent it", ())
            elif sent[text].outcome == REFUSED:
                yield Violation(
                    "answers-once", run.id, f"the answer {text} was used, though it was refused", (sent[text].id,))
            elif count > 1:
                yield Violation("answers-once", run.id, f"the answer {text} was used {count} times", (sent[text].id,))
        if run.final is None or run.terminal_status != "completed":
            continue
        for text, answer in sent.items():
            if answer.outcome == OK and text not in used:
                yield Violation(
                    "answers-once", run.id, f"the answer {text} was acknowledged and not used",
                    (answer.id, run.final.operation.id))  # fmt: skip


def cancels_count(facts: Facts) -> Iterator[Violation]:
    """An acknowledged cancel ends the run as cancelled; a refused one means that it had ended; no run is cancelled by itself."""
    for run in facts.runs.values():
        end = run.terminal_status
        for cancel in run.cancels:
            if cancel.outcome == OK and end not in (None, "cancelled"):
                last = run.last.operation.id if run.last else cancel.id
                yield Violation("cancels-count", run.id, f"a cancel was accepted, and the run is {end}", (cancel.id, last))
                break
            if cancel.outcome == REFUSED and cancel.status == 403:
                later = [one for one in run.seen if one.operation.start > cancel.until and not one.is_terminal]
                if later:
                    yield Violation(
                        "cancels-count", run.id,
                        f"a cancel was refused since the run had ended, and later it was {later[0].status}",
                        (cancel.id, later[0].operation.id))  # fmt: skip
                    break
        if end == "cancelled" and all(one.outcome == REFUSED for one in run.cancels):
            last = run.last.operation.id if run.last else -1
            yield Violation("cancels-count", run.id, "it is cancelled, and nobody has cancelled it", (last,))


def failures_have_reasons(facts: Facts) -> Iterator[Violation]:
    """A run that can be replayed fails only if its creation was in doubt, others also with their process."""
    for run in facts.runs.values():
        create = facts.order(run.tag) if run.tag else None
        if create is None or run.terminal_status != "failed" or run.last is None or not run.last.is_terminal:
            continue
        message = str((run.last.run.get("error") or {}).get("message", ""))
        if create.request["agent"] in REPLAYED:
            if all(one.outcome == OK for one in facts.creates[run.tag or ""]):
                yield Violation(
                    "failures", run.id, f"it failed: {message}", (create.id, run.last.operation.id))  # fmt: skip
        elif create.request["agent"] == "state":
            # Its handler passes on errors of the storage.
            continue
        elif not OWNER_LOST.search(message) and all(one.outcome == OK for one in facts.creates[run.tag or ""]):
            yield Violation("failures", run.id, f"it failed: {message}", (create.id, run.last.operation.id))


def responses_are_expected(facts: Facts) -> Iterator[Violation]:
    """No response has status 500, and no request of the generator is invalid."""
    for operation in facts.history.operations:
        if operation.status == 500 or operation.status in (400, 401, 405, 413, 415, 421, 422, 429, 431):
            yield Violation(
                "responses", operation.request.get("run") or operation.request.get("tag", operation.kind),
                f"status {operation.status}: {operation.response.get('error')}", (operation.id,))  # fmt: skip


def everything_ends(facts: Facts) -> Iterator[Violation]:
    """After the faults, the lease and the time for recovery, no run is unfinished and no follower waits."""
    for run in facts.runs.values():
        if run.final is not None and not run.final.is_terminal:
            yield Violation("everything-ends", run.id, f"it is still {run.final.status}", (run.final.operation.id,))
    for operation in facts.of_kind("stuck"):
        yield Violation(
            "everything-ends", operation.request["run"], "its follower has not seen its end", (operation.id,))


def probes_are_prompt(facts: Facts) -> Iterator[Violation]:
    """Without faults, a run that asks a question at one server is followed at another and answered at a third in no time.

    The median counts: one pause of a busy machine is no fault.
    """
    probes = sorted(facts.of_kind("probe"), key=lambda one: one.response["seconds"])
    if probes and (middle := probes[len(probes) // 2]).response["seconds"] > PROMPT:
        yield Violation(
            "prompt", "probe", f"it took {middle.response['seconds']} s in the median", tuple(one.id for one in probes))


PROMPT = 5.0
"""Seconds for a run that takes some milliseconds."""

RULES = [
    events_agree, events_gapless, events_stay, ends_are_final, runs_are_created_once, runs_are_not_lost, output_is_exact,
    answers_count_once, cancels_count, failures_have_reasons, responses_are_expected, everything_ends, probes_are_prompt,
]  # fmt: skip


