# SPDX-License-Identifier: Apache-2.0
"""The command line tool in scripts: its output and its exit codes."""

import json
import os
import pty
import subprocess
import time
from typing import Any

import pytest
from calls import LONG
from server_process import binary

pytestmark = pytest.mark.additions

WAIT = 60


class Tool:
    def __init__(self, url: str) -> None:
        self.environment = {**os.environ, "ACP_URL": url}

    def __call__(self, *words: str, code: int = 0, text: str | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(binary()), *words], input=text, capture_output=True, text=True, timeout=WAIT, env=self.environment
        )
        assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code).stdout)

    def lines(self, *words: str, code: int = 0) -> list[Any]:
        return [json.loads(line) for line in self(*words, "--json", code=code).stdout.splitlines()]


@pytest.fixture
def tool(url: str) -> Tool:
    if not binary().is_file():
        pytest.skip("ACP_URL is set and there is no tool to test")
    return Tool(url)


def test_agents_are_listed_and_shown(tool: Tool) -> None:
    names = [agent["name"] for agent in tool.json("agents")["agents"]]
    assert {"echo", "greeter", "counter", "questioner", "slow", "failer", "artist"} <= set(names)
    shown = tool("agents").stdout
    assert all(name in shown for name in names)
    assert tool.json("agents", "echo")["name"] == "echo"


def test_a_run_prints_the_output_of_the_agent(tool: Tool) -> None:
    assert tool("run", "greeter", "Ada").stdout == "Hello, Ada!\n"
    assert tool("run", "echo", "-", text="from standard input").stdout.strip() == "from standard input"
    assert tool("run", "slow", "one two", "--stream").stdout == "one two\n"
    run = tool.json("run", "greeter", "Ada")
    assert run["status"] == "completed"


def test_a_streamed_run_prints_one_event_a_line_the_same_as_the_stored_ones(tool: Tool) -> None:
    streamed = tool.lines("run", "echo", "hello", "--stream")
    events = [line.get("event", line) for line in streamed]
    assert events[0]["type"] == "run.created"
    assert events[-1]["type"] == "run.completed"
    run_id = events[0]["run"]["run_id"]
    assert tool.json("events", run_id)["events"] == events
    assert tool.lines("events", run_id, "--follow") == streamed


def test_a_failed_run_ends_with_1_and_the_reason(tool: Tool) -> None:
    done = tool("run", "failer", "x", code=1)
    assert "always fails" in done.stderr
    assert "always fails" not in done.stdout


def test_a_question_ends_with_3_and_is_answered_by_resume(tool: Tool) -> None:
    asked = tool("run", "questioner", "hi", code=3)
    assert "What is your name?" in asked.stdout + asked.stderr
    run = tool.json("run", "questioner", "hi", code=3)
    assert run["run_id"] in {listed["run_id"] for listed in tool.json("runs", "--status", "awaiting")["runs"]}
    assert tool("resume", run["run_id"], "Ada").stdout == "Hello, Ada!\n"
    assert "does not await an answer" in tool("resume", run["run_id"], "Ada", code=2).stderr


def test_a_question_is_asked_at_the_prompt_of_a_terminal(tool: Tool) -> None:
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [str(binary()), "run", "questioner", "hi"], stdin=end, stdout=end, stderr=end, env=tool.environment
    )
    os.close(end)
    seen = b""
    deadline = time.monotonic() + WAIT
    answered = False
    while b"Hello, Ada!" not in seen and time.monotonic() < deadline:
        try:
            seen += os.read(terminal, 4096)
        except OSError:
            break
        if b"What is your name?" in seen and not answered:
            os.write(terminal, b"Ada\n")
            answered = True
    assert b"Hello, Ada!" in seen, seen
    assert process.wait(WAIT) == 0
    os.close(terminal)


def test_an_async_run_is_cancelled_and_deleted(tool: Tool) -> None:
    run_id = tool("run", "slow", LONG, "--async").stdout.split()[0]
    assert "cancelling" in tool("cancel", run_id).stdout
    assert "cancelled" in tool("status", run_id, "--wait", code=1).stdout
    assert "cannot be cancelled" in tool("cancel", run_id, code=2).stderr
    tool("delete", run_id)
    assert "no run" in tool("status", run_id, code=2).stderr


def test_a_session_continues(tool: Tool) -> None:
    session_id = tool.json("run", "counter", "x")["session_id"]
    assert tool("run", "counter", "y", "--session", session_id).stdout == "Count: 2\n"
    shown = tool("session", session_id).stdout
    assert "Count: 1" in shown and "Count: 2" in shown
    assert len(tool.json("session", session_id)["history"]) == 4
    tool("session", session_id, "--delete")
    tool("session", session_id, code=2)


def test_errors_name_the_cause_and_the_remedy_on_the_standard_error(tool: Tool) -> None:
    done = tool("run", "nobody", "x", code=2)
    assert "nobody" in done.stderr and done.stdout == ""
    done = tool("agents", "--url", "http://127.0.0.1:1", code=2)
    assert "--url" in done.stderr and done.stdout == ""
    assert "Usage" in tool("run", code=64).stderr
    secret = "redis-password-of-this-test"
    done = tool("serve", "--storage", f"nonsense://user:{secret}@host", code=64)
    assert "memory" in done.stderr and secret not in done.stderr


def test_a_closed_pipe_ends_the_tool_without_a_message(tool: Tool) -> None:
    run_id = tool("run", "slow", LONG, "--async").stdout.split()[0]
    process = subprocess.Popen(
        [str(binary()), "events", run_id, "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=tool.environment,
    )
    assert process.stdout is not None and process.stderr is not None
    assert "run.created" in process.stdout.readline()
    process.stdout.close()
    process.wait(WAIT)
    assert process.stderr.read() == ""
    tool("cancel", run_id)
