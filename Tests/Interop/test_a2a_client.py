# SPDX-License-Identifier: Apache-2.0
"""The tool against an A2A agent of the published Python SDK.

The SDK's server requires other versions of its dependencies than the rest of the suite, so it has an environment of its own:
.venv-a2a, which scripts/interop creates.
"""

import json
import os
import pty
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cutting_proxy import CuttingProxy
from free_port import free_port
from server_process import binary
from specification import ROOT

pytestmark = pytest.mark.additions

WAIT = 60
BINDINGS = ["jsonrpc", "http"]


@contextmanager
def running_agent(port: int, public_url: str | None = None) -> Iterator[str]:
    """Runs an agent, whose card names the public URL, and yields its own URL."""
    python = ROOT / ".venv-a2a" / "bin" / "python"
    assert python.is_file(), f"{python} does not exist: start the suite with scripts/interop, which creates it"
    url = f"http://127.0.0.1:{port}"
    script = Path(__file__).with_name("a2a_python_server.py")
    process = subprocess.Popen([str(python), str(script), str(port), public_url or url])
    try:
        deadline = time.monotonic() + WAIT
        while True:
            try:
                httpx.get(f"{url}/.well-known/agent-card.json").raise_for_status()
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline and process.poll() is None, "the agent did not start"
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(WAIT)


@pytest.fixture(scope="module")
def agent() -> Iterator[str]:
    """The URL of a running agent."""
    with running_agent(free_port()) as url:
        yield url


def tool(*words: str, code: int = 0, text: str | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(binary()), *words], input=text, capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done


def lines(*words: str) -> list[Any]:
    return [json.loads(line) for line in tool(*words, "--json").stdout.splitlines()]


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("text", ["one two three", "slow one two three"])
def test_the_output_is_streamed(agent: str, binding: str, text: str) -> None:
    shown = tool("run", "--a2a", agent, "--binding", binding, text).stdout
    assert shown == text.removeprefix("slow ") + "\n"


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_response_and_a_stream_are_printed_as_json(agent: str, binding: str) -> None:
    run = ["run", "--a2a", agent, "--binding", binding, "one two"]
    task = json.loads(tool(*run, "--json").stdout)["task"]
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert [part["text"] for part in task["artifacts"][0]["parts"]] == ["one", " two"]
    streamed = lines(*run, "--stream")
    assert "task" in streamed[0]
    assert streamed[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_message_is_printed(agent: str, binding: str) -> None:
    assert tool("run", "--a2a", agent, "--binding", binding, "direct hello").stdout == "hello\n"


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_question_ends_with_3_and_is_answered_with_the_id_of_the_task(agent: str, binding: str) -> None:
    asked = tool("run", "--a2a", agent, "--binding", binding, "ask me", code=3)
    assert "What is your name?" in asked.stdout
    task = asked.stderr.split("--task ")[1].split()[0]
    assert tool("run", "--a2a", agent, "--binding", binding, "--task", task, "Ada").stdout == "Hello, Ada!\n"
    assert "UNSUPPORTED_OPERATION" in tool("run", "--a2a", agent, "--task", task, "Ada", code=2).stderr


def test_a_question_is_asked_at_the_prompt_of_a_terminal(agent: str) -> None:
    terminal, end = pty.openpty()
    process = subprocess.Popen([str(binary()), "run", "--a2a", agent, "ask me"], stdin=end, stdout=end, stderr=end)
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


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_stream_that_is_cut_continues_without_gaps(binding: str) -> None:
    port = free_port()
    proxy = CuttingProxy(port, cuts=3, word=b"artifactUpdate")
    try:
        with running_agent(port, f"http://127.0.0.1:{proxy.port}"):
            text = " ".join(str(number) for number in range(60))
            url = f"http://127.0.0.1:{proxy.port}"
            done = tool("run", "--a2a", url, "--binding", binding, f"slow {text}")
        # This server may send a part that it is just adding to the task twice: in the task, and as an event. If the next
        # task shows that, the output begins anew on a new line.
        words = (done.stdout.splitlines()[-1] + "\n").split(" ")
        repeated = [number for number in range(1, len(words)) if words[number] == words[number - 1]]
        assert len(repeated) <= 3
        assert " ".join(word for number, word in enumerate(words) if number not in repeated) == text + "\n"
        assert proxy.done == 3
        assert "connection lost" in done.stderr and "connected again" in done.stderr
    finally:
        proxy.close()


def test_a_failed_task_ends_with_1_and_the_reason(agent: str) -> None:
    done = tool("run", "--a2a", agent, "fail now", code=1)
    assert "this agent always fails" in done.stderr
    assert "this agent always fails" not in done.stdout


def test_an_async_task_is_printed_with_its_id_first(agent: str) -> None:
    words = tool("run", "--a2a", agent, "slow one two", "--async").stdout.split()
    assert words[1] in {"submitted", "working"} and words[2] == "context"
    missing = tool("run", "--a2a", agent, "--task", "missing", "x", code=2).stderr
    assert "TASK_NOT_FOUND" in missing


def test_the_card_is_shown(agent: str) -> None:
    shown = tool("card", agent).stdout
    assert "Words 1.0" in shown and "streaming" in shown
    assert f"JSONRPC 1.0 at {agent}/rpc (used)" in shown
    assert json.loads(tool("card", f"{agent}/.well-known/agent-card.json", "--json").stdout)["name"] == "Words"


def test_a_card_without_a_valid_signature_ends_with_1(agent: str, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text('{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}')
    done = tool("card", agent, "--key", str(key), code=1)
    assert "no signature is valid" in done.stdout and "not signed" in done.stderr
    assert "Web Key" in tool("card", agent, "--key", __file__, code=64).stderr


def test_wrong_usage_is_explained(agent: str) -> None:
    assert "Usage" in tool("run", "--a2a", agent, code=64).stderr
    assert "only argument" in tool("run", "--a2a", agent, "echo", "x", code=64).stderr
    assert "--a2a" in tool("run", "echo", "x", "--task", "t", code=64).stderr
    assert "cannot connect" in tool("card", "http://127.0.0.1:1", code=2).stderr
