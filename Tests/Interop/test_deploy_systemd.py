# SPDX-License-Identifier: Apache-2.0
"""The systemd unit: valid, hardened, and no narrower than what a server does."""

import os
import re
import shutil
import signal
import tempfile
from pathlib import Path

import deployment
import httpx
import pytest
from deployment import output, tool, unit
from server_process import ServerProcess, binary

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

EXPOSURE = 1.5
"""Out of 10. Below 2 systemd calls a service safe."""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit, with a program that exists here."""
    path = tmp_path / "acp.service"
    text = deployment.UNIT.read_text(encoding="utf-8")
    assert text.count("ExecStart=/usr/local/bin/acp ") == 1
    path.write_text(text.replace("/usr/local/bin/acp", str(binary())), encoding="utf-8")
    return path


def test_systemd_accepts_the_unit(installed: Path) -> None:
    assert output(tool("systemd-analyze"), "verify", installed).strip() == ""


def test_the_unit_exposes_little(installed: Path) -> None:
    limit = f"--threshold={int(EXPOSURE * 10)}"
    text = output(tool("systemd-analyze"), "security", "--offline=true", "--no-pager", limit, installed)
    found = re.search(r"Overall exposure level for acp\.service: ([\d.]+)", text)
    assert found and float(found[1]) <= EXPOSURE, text


def group(name: str) -> set[str]:
    """The system calls of a group of systemd, and of the groups in it."""
    calls: set[str] = set()
    for line in output(tool("systemd-analyze"), "syscall-filter", name).splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            calls |= group(word)
        elif word and not word.startswith("#"):
            calls.add(word)
    return calls


def allowed() -> set[str]:
    calls: set[str] = group("@default")
    for value in unit()["SystemCallFilter"]:
        for name in value.removeprefix("~").split():
            named = group(name) if name.startswith("@") else {name}
            calls = calls - named if value.startswith("~") else calls | named
    return calls


def test_the_unit_allows_the_system_calls_that_a_server_makes(tmp_path: Path) -> None:
    used = tmp_path / "calls"
    trace = [tool("strace"), "-f", "-qq", "-c", "-U", "name", "-o", str(used)]
    # Not as root, for whom SQLite changes the owners of its files.
    user = [tool("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="systemd-"))
    if user:
        os.chown(folder, 65534, 65534)
    server = ServerProcess("--metrics-port", "0", environment={"XDG_DATA_HOME": str(folder)}, within=(*trace, *user))
    try:
        for mode in ("sync", "stream", "async"):
            message = {"role": "user", "parts": [{"content": "Ada"}]}
            body = {"agent_name": "greeter", "input": [message], "mode": mode}
            assert httpx.post(f"{server.url}/runs", json=body, timeout=60).status_code in (200, 202)
        # A name has to be resolved.
        link = {"id": "00000000-0000-4000-8000-000000000001", "history": ["http://localhost:1/message"], "state": None}
        httpx.post(f"{server.url}/runs", json={**body, "mode": "sync", "session": link}, timeout=60)
    finally:
        assert terminated(server) == 0, server.log()
    calls = set(re.findall(r"^ *([a-z]\w+) *$", used.read_text(encoding="utf-8"), re.MULTILINE)) - {"syscall", "total"}
    assert {"execve", "epoll_wait"} & calls and len(calls) > 30, calls
    # What sets up the user of this test, before the server is executed. systemd does that itself.
    calls -= {"setresuid", "setresgid", "setgroups", "capset", "prctl"}
    assert calls <= allowed(), calls - allowed()
    assert (folder / "simple-acp" / "acp.sqlite").is_file()
    shutil.rmtree(folder)


def test_a_server_works_with_what_the_unit_shows_of_proc() -> None:
    if os.geteuid() != 0:
        pytest.skip("namespaces of their own require root")
    settings = unit()
    options = f"hidepid={settings['ProtectProc'][0]},subset={settings['ProcSubset'][0]}"
    script = f'mount -t proc -o {options} proc /proc && exec "$@"'
    within = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", script, "proc")
    server = ServerProcess("--storage", "memory", "--metrics", within=within)
    try:
        metrics = httpx.get(f"{server.url}/metrics").text
        assert "process_resident_memory_bytes" in metrics and "process_open_fds" in metrics
    finally:
        assert terminated(server) == 0, server.log()


def terminated(server: ServerProcess) -> int:
    """Sends SIGTERM to the server itself, which another program has started."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="utf-8").split()
    os.kill(int(children[0]), signal.SIGTERM)
    return server.exit_code()
