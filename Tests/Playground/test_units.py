# SPDX-License-Identifier: Apache-2.0
"""The pure modules of the page, as tables, in the browser that runs them."""

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import prepare
from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as PlaywrightError
from server import Server


class Modules:
    """The modules of the page, in a browser."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def __call__(self, module: str, function: str, *arguments: Any) -> Any:
        """Calls a function of a module with values, and returns its value."""
        return self.run(
            """async ([module, name, values]) => {
                const functions = await import(new URL(`lib/${module}`, document.baseURI));
                return functions[name](...values);
            }""",
            [module, function, list(arguments)],
        )

    def run(self, script: str, value: Any) -> Any:
        return self._page.evaluate(script, value)


@pytest.fixture(scope="session")
def call(browser: Browser, server: Server) -> Iterator[Modules]:
    context = browser.new_context()
    prepare(context)
    page = context.new_page()
    page.goto(server.page())
    yield Modules(page)
    context.close()


# Event streams


STREAMS = [
    ("", []),
    (": comment\n\n", []),
    ("data: a\n\n", [(None, "a")]),
    ("id: 1\ndata: a\n\nid: 2\ndata: b\n\n", [("1", "a"), ("2", "b")]),
    ("id:1\r\ndata:a\r\n\r\n", [("1", "a")]),
    ("id: 1\rdata: a\r\r", [("1", "a")]),
    ("data: a\ndata: b\n\n", [(None, "a\nb")]),
    ("data:  two spaces\n\n", [(None, " two spaces")]),
    ("data\n\n", [(None, "")]),
    ("data: ends without a blank line\n", []),
    ("id: 7\n\ndata: a\n\n", [(None, "a")]),
    ("retry: 10\nunknown: x\ndata: a\n\n", [(None, "a")]),
    ('data: {"text": "ü€𝄞"}\n\n', [(None, '{"text": "ü€𝄞"}')]),
]


def test_event_streams_are_parsed_however_they_are_cut(call: Modules) -> None:
    for text, events in STREAMS:
        for size in (1, 2, 3, 7, max(1, len(text))):
            pieces = [text[start : start + size] for start in range(0, len(text), size)]
            found = call.run(
                """async (pieces) => {
                    const { EventStreamParser } = await import(new URL("lib/sse.js", document.baseURI));
                    const parser = new EventStreamParser();
                    return pieces.flatMap((piece) => parser.feed(piece)).map(({ id, data }) => [id ?? null, data]);
                }""",
                pieces,
            )
            assert [tuple(event) for event in found] == events, f"{text!r} in pieces of {size}"


# CSV


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", []),
        ("a", [["a"]]),
        ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
        ("a,b\r\n1,2", [["a", "b"], ["1", "2"]]),
        ("a;b\n1,5;2\n", [["a", "b"], ["1,5", "2"]]),
        ("a\tb\n1\t2\n", [["a", "b"], ["1", "2"]]),
        ('"x, y",b\n', [["x, y", "b"]]),
        ('"say ""hi""",b', [['say "hi"', "b"]]),
        ('"two\nlines",b', [["two\nlines", "b"]]),
        ('a "quoted" word,b', [['a "quoted" word', "b"]]),
        ('"not closed,b\nc', [["not closed,b\nc"]]),
        ("a,\n,b\n", [["a", ""], ["", "b"]]),
        ('""\n', [[""]]),
        ("\ufeffa,b", [["a", "b"]]),
    ],
)
def test_csv(call: Modules, text: str, rows: list[list[str]]) -> None:
    assert call("csv.js", "parseCSV", text) == rows


# Markdown


def shape(blocks: list[dict[str, Any]]) -> list[str]:
    """Returns the types of blocks, with what tells them apart."""
    names = []
    for block in blocks:
        match block["type"]:
            case "heading":
                names.append(f"h{block['level']}")
            case "code":
                names.append(f"code:{block['language']}")
            case "list":
                names.append(f"{'ol' if block['isOrdered'] else 'ul'}{len(block['items'])}")
            case "table":
                names.append(f"table{len(block['head'])}x{len(block['rows'])}")
            case other:
                names.append(other)
    return names


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("", []),
        ("one\ntwo\n\nthree", ["paragraph", "paragraph"]),
        ("# a\n## b ##\n####### no", ["h1", "h2", "paragraph"]),
        ("title\n===\nother\n---", ["h1", "h2"]),
        ("***\n---\n___", ["rule", "rule", "rule"]),
        ("```swift\nlet x = 1\n\n# no heading\n```\nafter", ["code:swift", "paragraph"]),
        ("```\nnot closed", ["code:"]),
        ("~~~py\n```\n~~~", ["code:py"]),
        ("    indented", ["code:"]),
        ("- a\n- b\n  - c\n\n- d", ["ul3"]),
        ("1. a\n2. b", ["ol2"]),
        ("3) a", ["ol1"]),
        ("text\n- item", ["paragraph", "ul1"]),
        ("> quoted\ncontinued\n\nafter", ["quote", "paragraph"]),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |\n\nafter", ["table2x1", "paragraph"]),
        ("a | b\n--|--\n1 | 2 | 3", ["table2x1"]),
        ("a | b\nno table", ["paragraph"]),
        ("<div>html</div>", ["paragraph"]),
    ],
)
def test_blocks_of_markdown(call: Modules, text: str, blocks: list[str]) -> None:
    assert shape(call("markdown.js", "parseBlocks", text.split("\n"))) == blocks


def flat(parts: list[Any]) -> str:
    """Returns inline parts in a short form."""
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif part["type"] == "link":
            texts.append(f"[{flat(part['children'])}→{part['url']}]")
        elif part["type"] == "code":
            texts.append(f"`{part['text']}`")
        elif part["type"] == "break":
            texts.append("⏎")
        elif part["type"] == "citation":
            texts.append(f"^{part['number']}")
        else:
            texts.append(f"{part['type'][0]}({flat(part['children'])})")
    return "".join(texts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("**b** *i* __b__ _i_ ~~s~~", "s(b) e(i) s(b) e(i) s(s)"),
        ("***both***", "s(e(both))"),
        ("**b *i* b**", "s(b e(i) b)"),
        ("snake_case_name 2*3*4", "snake_case_name 2e(3)4"),
        ("* not emphasis *", "* not emphasis *"),
        ("**open", "**open"),
        (r"\*escaped\*", "*escaped*"),
        ("`a **b** c`", "`a **b** c`"),
        ("`` a ` b ``", "`a ` b`"),
        ("`open", "`open"),
        ("[text](https://example.org/a_b)", "[text→https://example.org/a_b]"),
        ('[t](https://e.org "title")', "[t→https://e.org]"),
        ("[t](https://e.org/a(b)c)", "[t→https://e.org/a(b)c]"),
        ("![alt](https://e.org/x.png)", "[alt→https://e.org/x.png]"),
        ("<https://e.org>", "[https://e.org→https://e.org]"),
        ("see https://e.org/a. Then", "see [https://e.org/a→https://e.org/a]. Then"),
        ("(https://e.org/a_(b))", "([https://e.org/a_(b)→https://e.org/a_(b)])"),
        ("[no link]", "[no link]"),
        ("a\nb", "a⏎b"),
        ("x\ue0002\ue001y", "x^2y"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_inline_markdown(call: Modules, text: str, expected: str) -> None:
    assert flat(call("markdown.js", "parseInline", text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "*" * 20_000,
        "_a " * 20_000,
        "[" * 20_000,
        "`a``b" * 10_000,
        "> " * 5_000 + "a",
        "- " * 2_000,
        "![" * 10_000,
        "**a" * 10_000,
        "<" * 30_000,
        "|" * 10_000 + "\n" + "|-" * 5_000,
        "https://" * 5_000,
        "\\" * 30_000,
        "(" * 10_000 + "[a](" * 5_000,
        "1. " * 5_000,
        "~~" * 20_000,
    ],
    ids=range(15),
)
def test_markdown_that_is_made_to_be_slow_is_not(call: Modules, text: str) -> None:
    took = call.run(
        """async (text) => {
            const { renderMarkdown } = await import(new URL("lib/markdown.js", document.baseURI));
            const start = performance.now();
            renderMarkdown(text);
            return performance.now() - start;
        }""",
        text,
    )
    # In milliseconds. What grows with the square of these lengths takes minutes.
    assert took < 5_000


# A run from its events


def event(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": kind, **members}


def run_event(status: str, **members: Any) -> dict[str, Any]:
    run = {
        "run_id": "r",
        "agent_name": "a",
        "status": status,
        "output": [],
        "created_at": "2026-01-01T00:00:00Z",
        **members,
    }
    return event(f"run.{status}", run=run)


def text(content: str, **members: Any) -> dict[str, Any]:
    return event(
        "message.part", part={"content_type": "text/plain", "content": content, "content_encoding": "plain", **members}
    )


MESSAGE = {"role": "agent/a", "parts": [], "created_at": "2026-01-01T00:00:00Z", "completed_at": None}


@pytest.fixture
def reduce(call: Modules) -> Callable[[list[Any]], Any]:
    def reduce(events: list[Any]) -> Any:
        """Applies `[id, event]` pairs, and returns the model and whether each was new."""
        return call.run(
            """async (events) => {
                const { applyEvent, emptyModel } = await import(new URL("lib/model.js", document.baseURI));
                const model = emptyModel();
                const isNew = events.map(([id, event]) => applyEvent(model, id, event));
                return { ...model, isNew };
            }""",
            events,
        )

    return reduce


def numbered(*events: Any) -> list[Any]:
    return [[index, item] for index, item in enumerate(events)]


def test_texts_of_a_message_grow_together(reduce: Callable[[list[Any]], Any]) -> None:
    model = reduce(
        numbered(
            run_event("created"),
            run_event("in-progress"),
            event("message.created", message=MESSAGE),
            text("one "),
            text("two"),
            text("# three", content_type="text/markdown"),
            event("message.completed", message={**MESSAGE, "completed_at": "2026-01-01T00:00:01Z"}),
            run_event("completed"),
        )
    )
    (message,) = model["items"]
    assert [(block["contentType"], block["chunks"]) for block in message["blocks"]] == [
        ("text/plain", ["one ", "two"]),
        ("text/markdown", ["# three"]),
    ]
    assert model["run"]["status"] == "completed" and message["completedAt"] == "2026-01-01T00:00:01Z"


def test_events_that_arrive_again_are_ignored(reduce: Callable[[list[Any]], Any]) -> None:
    events = numbered(run_event("created"), event("message.created", message=MESSAGE), text("a"), text("b"))
    model = reduce([*events, *events[2:], [4, text("c")]])
    assert model["items"][0]["blocks"][0]["chunks"] == ["a", "b", "c"]
    assert model["isNew"] == [True] * 4 + [False] * 2 + [True]


def test_questions_get_their_answers(reduce: Callable[[list[Any]], Any]) -> None:
    question, answer = {"role": "agent/a", "parts": [{"content": "?"}]}, {"role": "user", "parts": [{"content": "!"}]}
    asking = run_event("awaiting", await_request={"type": "message", "message": question})
    model = reduce(
        numbered(
            run_event("created"),
            asking,
            run_event("in-progress", exchange=[question, answer]),
            asking,
            run_event("in-progress", exchange=[question, answer, question, {**answer, "parts": []}]),
        )
    )
    assert [item["answer"]["parts"] for item in model["items"]] == [[{"content": "!"}], []]


def test_artifacts_steps_and_citations_are_told_apart(reduce: Callable[[list[Any]], Any]) -> None:
    model = reduce(
        numbered(
            event("message.created", message=MESSAGE),
            text("", metadata={"kind": "trajectory", "message": "think"}),
            text("", metadata={"kind": "trajectory", "tool_name": "search"}),
            text("𝄞 text"),
            text("", metadata={"kind": "citation", "url": "https://e.org", "end_index": 1}),
            text("", metadata={"kind": "citation", "url": "https://e.org"}),
            text(" more"),
            text("a,b", name="a.csv", content_type="text/csv"),
            event("generic", generic={"n": 1}),
            event("generic", generic={"n": 2}),
        )
    )
    message, generic = model["items"]
    assert [block["kind"] for block in message["blocks"]] == ["steps", "text", "part"]
    assert len(message["blocks"][0]["steps"]) == 2
    assert message["blocks"][1]["chunks"] == ["𝄞 text", " more"]
    assert [citation["offset"] for citation in message["citations"]] == [1, 6]
    assert generic["values"] == [{"n": 1}, {"n": 2}]


# Programs


def test_an_input_cannot_leave_the_quotes_of_a_program(call: Modules) -> None:
    hostile = "it's \"x\" $(touch /tmp/no) `id` \\ \n\t\u2028 ${HOME} \\(1) 𝄞 'end"
    request = {
        "root": "http://127.0.0.1:8000/",
        "agent": "echo",
        "session": None,
        "mode": "sync",
        "hasToken": False,
        "messages": [{"role": "user", "parts": [{"content": hostile, "content_type": "text/plain"}]}],
    }
    code = call("code-examples.js", "codeExample", "curl", request).replace("curl ", "printf '%s\\0' ", 1)
    arguments = subprocess.run(["sh", "-c", code], capture_output=True, check=True).stdout.decode().split("\0")
    body = json.loads(arguments[arguments.index("-d") + 1])
    assert body["input"][0]["parts"][0]["content"] == hostile

    code = call("code-examples.js", "codeExample", "python", request)
    posted: dict[str, Any] = {}

    class Client:
        @staticmethod
        def post(url: str, **options: Any) -> Any:
            posted.update(options["json"])
            return type("Response", (), {"json": lambda self: {}})()

    exec(code.replace("import httpx", ""), {"httpx": Client})
    assert posted == body
    assert call("code-examples.js", "swiftString", 'a"\\(b)\n\u0001') == '"a\\"\\\\(b)\\n\\u{1}"'


# Faults of JSON


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": [1, -2.5e3, "x\\n", true, null, {}, []]}', None),
        (" 1 ", None),
        ("", 0),
        ("{", 1),
        ('{"a": 1,\n "b": }', 15),
        ('{"a" 1}', 5),
        ("[1, 2,]", 6),
        ("[1 2]", 3),
        ("{'a': 1}", 1),
        ('{"a": 1,}', 8),
        ("01", 1),
        ("1.", 1),
        ("tru", 0),
        ('"not closed', 11),
        ('"bad \\x"', 5),
        ('"line\nbreak"', 5),
        ("[1]]", 3),
        ("NaN", 0),
    ],
)
def test_the_place_of_a_fault_of_json_is_found(call: Modules, text: str, place: int | None) -> None:
    assert call("json-fault.js", "faultPlace", text) == place
    try:
        # The browser decides what is valid.
        call.run("(text) => { JSON.parse(text); }", text)
        assert place is None
    except PlaywrightError:
        assert place is not None


# Metrics


def test_metrics_are_read_and_compared(call: Modules) -> None:
    before = 'a_total{x="1",y="q\\"}"} 2\na_total 1\n# HELP a\nb_seconds_sum 1\nb_seconds_count 2\nbad\n'
    after = 'a_total{x="1",y="q\\"}"} 6\na_total 3\nb_seconds_sum 2\nb_seconds_count 4\n'
    values = call.run(
        """async ([before, after]) => {
            const { mean, parseMetrics, rate, total } = await import(new URL("lib/metrics.js", document.baseURI));
            const [old, now] = [parseMetrics(before), parseMetrics(after)];
            return [total(old, "a_total"), rate(old, now, "a_total", 2), rate(now, old, "a_total", 1), mean(old, now, "b_seconds"), total(now, "c")];
        }""",
        [before, after],
    )
    assert values == [3, 3, 3, 0.5, None]


# Phases of a run


def test_phases_of_a_run_come_from_its_events(call: Modules) -> None:
    def at(second: int) -> str:
        return f"2026-01-01T00:00:{second:02}Z"

    events = [
        run_event("created"),
        run_event("in-progress", status_changed_at=at(2)),
        event("message.created", message={**MESSAGE, "created_at": at(3)}),
        text("a"),
        event("message.completed", message={**MESSAGE, "completed_at": at(4)}),
        run_event("awaiting", status_changed_at=at(5)),
        run_event("in-progress", status_changed_at=at(8)),
        run_event("completed", finished_at=at(9)),
    ]
    phases = call.run(
        """async (events) => {
            const { Phases } = await import(new URL("lib/run-timeline.js", document.baseURI));
            const phases = new Phases(events[0].run);
            events.forEach((event, index) => phases.take(index, event));
            const start = phases.phases[0].start;
            return [phases.phases.map(({ kind, start: from, end }) => [kind, (from - start) / 1000, (end - start) / 1000]),
                phases.messages.map(({ start: from, end }) => [(from - start) / 1000, (end - start) / 1000])];
        }""",
        events,
    )
    assert phases == [[["queued", 0, 2], ["running", 2, 5], ["awaiting", 5, 8], ["running", 8, 9]], [[3, 4]]]
