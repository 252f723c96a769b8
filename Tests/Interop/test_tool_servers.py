# SPDX-License-Identifier: Apache-2.0
"""The command line tool with invalid settings, and with scripted servers."""

import json
import os
import pty
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from server_process import binary

pytestmark = pytest.mark.additions

WAIT = 60
RUN_ID = "44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10"
VARIABLES = ("ACP_URL", "ACP_TOKEN", "ACP_SERVER_TOKEN", "ACP_URL_SECRET", "REDIS_URL", "DATABASE_URL")


def acp(*words: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the tool with only the given environment variables."""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [str(binary()), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT,
        env={**environment, **variables},
    )
    assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(autouse=True)
def needs_the_tool() -> None:
    if not binary().is_file():
        pytest.skip("ACP_URL is set and there is no tool to test")


class Scripted:
    """A server that sends the bytes of the next script on each connection, and records the requests."""

    def __init__(self, *scripts: bytes) -> None:
        self.heads: list[str] = []
        self._scripts = list(scripts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for script in self._scripts:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.heads.append(self._read(connection))
                connection.sendall(script)

    @staticmethod
    def _read(connection: socket.socket) -> str:
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += connection.recv(65536)
        head, _, body = seen.partition(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        return head.decode()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    servers: list[Scripted] = []

    def start(*scripts: bytes) -> Scripted:
        servers.append(Scripted(*scripts))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def document(value: object) -> bytes:
    body = json.dumps(value).encode()
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
        + str(len(body)).encode()
        + b"\r\n\r\n"
        + body
    )


def stream(*events: object, end: bytes = b"") -> bytes:
    lines = b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in events)
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + lines + end


def run(status: str, *parts: str, question: str | None = None) -> dict[str, object]:
    """A run of a server that continues one message after a question, and keeps the question."""
    content = [{"content_type": "text/plain", "content": part, "content_encoding": "plain"} for part in parts]
    return {
        "run_id": RUN_ID,
        "agent_name": "a",
        "session_id": "s",
        "status": status,
        "await_request": question
        and {"type": "message", "message": {"role": "agent", "parts": [{"content": question}], "completed_at": None}},
        "output": [{"role": "agent/a", "parts": content, "created_at": None, "completed_at": None}] if parts else [],
        "error": None,
        "created_at": "2025-05-07T11:22:33Z",
        "finished_at": None,
    }


def at_a_terminal(url: str, *words: str, answer: str) -> str:
    """Returns the output for a user who answers the first question."""
    terminal, end = pty.openpty()
    environment = {**os.environ, "ACP_URL": url, "NO_COLOR": "1"}
    process = subprocess.Popen([str(binary()), *words], stdin=end, stdout=end, stderr=end, env=environment)
    os.close(end)
    seen = b""
    deadline = time.monotonic() + WAIT
    is_answered = False
    while time.monotonic() < deadline:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece
        if b"> " in seen and not is_answered:
            os.write(terminal, answer.encode() + b"\n")
            is_answered = True
    assert process.wait(WAIT) == 0, seen
    os.close(terminal)
    return seen.decode().replace("\r\n", "\n")


# Settings


@pytest.mark.parametrize("variable", ["ACP_SERVER_TOKEN", "ACP_URL_SECRET"])
@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_a_server_does_not_start_with_an_empty_secret(variable: str, value: str) -> None:
    message = acp("serve", "--port", "0", "--storage", "memory", code=64, **{variable: value}).stderr
    assert f"{variable} is set, but empty" in message and "unset it" in message


def test_a_client_does_not_start_with_an_empty_token() -> None:
    assert "ACP_TOKEN is set, but empty" in acp("agents", code=64, ACP_TOKEN="\n").stderr


@pytest.mark.parametrize("token", ["", " ", "a b", "a\n", "é", "\x7f"])
@pytest.mark.parametrize("command", [["serve", "--port", "0", "--storage", "memory"], ["agents"]])
def test_a_token_that_cannot_be_sent_is_rejected(command: list[str], token: str) -> None:
    message = acp(*command, f"--token={token}", code=64).stderr
    assert "--token " in message and (not token.strip() or token not in message.splitlines()[0])


def test_variables_that_come_from_files_may_end_with_a_line_break(own_server: Callable[..., object]) -> None:
    server = own_server(environment={"ACP_SERVER_TOKEN": "s3cret\n"})
    url = str(getattr(server, "url"))
    assert "echo" in acp("agents", ACP_URL=f" {url}\n", ACP_TOKEN="s3cret\n").stdout
    acp("agents", ACP_URL=url, code=2)


def test_an_empty_file_of_secrets_is_rejected(tmp_path: object) -> None:
    path = os.path.join(str(tmp_path), "secrets")
    with open(path, "w") as file:
        file.write("\n \n")
    command = ["serve", "--port", "0", "--storage", "memory", "--sign-urls-with", path]
    assert "the file contains no secret" in acp(*command, code=64).stderr


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ("REDIS://127.0.0.1:1", "127.0.0.1:1"),
        ("Redis+Sentinel://127.0.0.1:1/mymaster", "127.0.0.1:1"),
        ("REDIS+CLUSTER://127.0.0.1:1\n", "127.0.0.1:1"),
        ("Postgres://127.0.0.1:1/x", "127.0.0.1:1"),
        ("POSTGRESQL://[::1]:1/x\n", "::1"),
    ],
)
def test_an_unreachable_storage_is_reported_in_one_line(storage: str, words: str) -> None:
    message = acp("serve", "--port", "0", "--storage", storage, code=1).stderr
    assert words in message and message.startswith("error: the storage is not available")
    assert message.count("\n") == 1, message


def test_schemes_in_capitals_are_those_of_files_and_memory(tmp_path: object) -> None:
    path = os.path.join(str(tmp_path), "Runs.sqlite")
    assert "responded" in acp("storage", "ping", "--storage", f"SQLite:{path}").stdout
    assert os.path.exists(path)
    assert "responded" in acp("storage", "ping", "--storage", "MEMORY").stdout


@pytest.mark.parametrize("host", ["[::1]", "::1"])
def test_a_server_listens_on_an_ipv6_address(host: str) -> None:
    process = subprocess.Popen(
        [str(binary()), "serve", "--storage", "memory", "--port", "0", "--host", host],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        assert url.startswith("http://[::1]:")
        assert "echo" in acp("agents", "--url", url.replace("http", "HTTP")).stdout
    finally:
        process.terminate()
        process.wait(WAIT)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["serve", "--host", "[::1]:8000"], "--port"),
        (["serve", "--host", "127.0.0.1:8000"], "--port"),
        (["serve", "--host", "http://127.0.0.1"], "not a URL"),
        (["serve", "--host", ""], "expected"),
        (["serve", "--link-host", "[fe80::1%eth0]"], "without a zone"),
        (["serve", "--public-url", "https://[fe80::1%25eth0]/"], "public URL"),
        (["run", "a", "x", "--idempotency-key", " "], "--idempotency-key"),
    ],
)
def test_invalid_options_are_rejected_with_the_reason(options: list[str], words: str) -> None:
    assert words in acp(*options, code=64).stderr


@pytest.mark.parametrize("url", ["http://[fe80::1%25eth0]:8000", "http://::1:8000"])
def test_an_invalid_url_is_rejected_with_the_reason(url: str) -> None:
    message = acp("agents", "--url", url, code=2).stderr
    assert "zone" in message or "brackets" in message


# Servers of other makes


def test_output_after_a_question_in_the_same_message_is_shown_once(scripted: Callable[..., Scripted]) -> None:
    server = scripted(
        document(run("awaiting", "Nice. ", question="Name?")),
        document(run("completed", "Nice. ", "Hello, ", "Ada!", question="Name?")),
    )
    seen = at_a_terminal(server.url, "run", "a", "x", answer="Ada")
    assert seen == "Nice. \nName?\n> Ada\nHello, Ada!\n"


def test_streamed_output_after_a_question_in_the_same_message_is_shown_once(scripted: Callable[..., Scripted]) -> None:
    def message(*parts: str) -> object:
        content = [{"content_type": "text/plain", "content": part} for part in parts]
        return {"role": "agent/a", "parts": content, "created_at": None, "completed_at": None}

    created = {"type": "run.created", "run": run("created")}
    server = scripted(
        stream(
            created,
            {"type": "message.created", "message": message()},
            {"type": "message.part", "part": {"content": "Nice. "}},
            {"type": "run.awaiting", "run": run("awaiting", "Nice. ", question="Name?")},
        ),
        stream(
            {"type": "run.in-progress", "run": run("in-progress", "Nice. ")},
            {"type": "message.part", "part": {"content": "Hello!"}},
            {"type": "message.completed", "message": message("Nice. ", "Hello!")},
            {"type": "run.completed", "run": run("completed", "Nice. ", "Hello!")},
        ),
    )
    seen = at_a_terminal(server.url, "run", "a", "x", "--stream", answer="Ada")
    assert seen == "Nice. \nName?\n> Ada\nHello!\n"


def test_only_an_awaiting_run_asks(scripted: Callable[..., Scripted]) -> None:
    completed = document(run("completed", "Done", question="Name?"))
    awaiting = document(run("awaiting", question="Name?"))
    server = scripted(completed, awaiting)
    assert "Name?" not in acp("status", RUN_ID, ACP_URL=server.url).stdout
    assert "asks      Name?" in acp("status", RUN_ID, ACP_URL=server.url).stdout


def test_events_with_only_the_run_id_are_sufficient_for_the_exit_code(scripted: Callable[..., Scripted]) -> None:
    server = scripted(
        stream(
            {"type": "run.created", "run_id": RUN_ID},
            {"type": "message.part", "part": {"content": "Hi"}},
            {"type": "run.failed", "run_id": RUN_ID},
        ),
        document({**run("failed"), "error": {"code": "own", "message": "no luck"}}),
    )
    done = acp("run", "a", "x", "--stream", code=1, ACP_URL=server.url)
    assert "no luck" in done.stderr and done.stdout == "Hi\n"


def test_members_keep_their_order_and_integers_their_digits(scripted: Callable[..., Scripted]) -> None:
    extra = {"z": 1, "a": {"y": 123456789012345678901234567890, "b": 2}}
    value = run("completed", "x")
    value["output"][0]["parts"][0].update(extra)  # type: ignore[index]
    printed = acp("status", RUN_ID, "--json", ACP_URL=scripted(document(value)).url).stdout
    part = json.loads(printed)["output"][0]["parts"][0]
    assert [name for name in part if name in extra] == ["z", "a"]
    assert list(part["a"].items()) == list(extra["a"].items())  # type: ignore[attr-defined]


def test_lost_and_restored_connections_are_reported(scripted: Callable[..., Scripted]) -> None:
    created = {"type": "run.created", "run": run("created")}
    part = {"type": "message.part", "part": {"content": "Hi"}}
    completed = {"type": "run.completed", "run": run("completed", "Hi")}
    server = scripted(stream(created, part), stream(created, part, completed))
    done = acp("run", "a", "x", "--stream", ACP_URL=server.url)
    assert done.stdout == "Hi\n"
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and "reconnecting" in lines[0] and lines[1] == "connected again", done.stderr
