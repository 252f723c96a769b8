# SPDX-License-Identifier: Apache-2.0
"""The steps of the Containerfile without a container engine, and a server in the root file system that results."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import deployment
import httpx
import pytest
from deployment import STEPS, USER, instruction, output, packages
from free_port import free_port
from server_process import ServerProcess, binary

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

SYSTEM = ["bash", "base-files", "coreutils", "grep", "sed", "util-linux"]
"""Packages of the base image that the steps, the health check, the manifest and this test use."""


def needed() -> set[str]:
    """The libraries with which the tool is linked, without those of the toolchain, which an image links statically."""
    names = re.findall(r"NEEDED.*\[(.+)\]", output("readelf", "-d", binary()))
    found = dict(re.findall(r"(\S+) => (\S+)", output("ldd", binary())))
    return {name for name in names if "/swift/" not in found.get(name, "")}


def package_of(library: str) -> str:
    lines = output("dpkg-query", "--search", f"*/{library}").splitlines()
    return next(line.partition(":")[0] for line in lines if line.endswith(f"/{library}"))


def test_the_packages_of_both_stages_exist() -> None:
    for stage in ("build", "runtime"):
        for name in packages(stage):
            assert f"Package: {name}\n" in output("apt-cache", "show", "--no-all-versions", name)


def test_the_packages_of_the_image_are_those_of_the_libraries_that_the_program_needs() -> None:
    assert {package_of(library) for library in needed()} - {"libc6"} == set(packages("runtime")) - {"ca-certificates"}


def test_the_build_links_the_runtime_of_swift_statically_and_puts_the_program_into_a_folder(tmp_path: Path) -> None:
    log, fake = tmp_path / "log", tmp_path / "bin" / "swift"
    fake.parent.mkdir()
    fake.write_text(
        textwrap.dedent(f"""\
            #!/bin/bash
            echo "$@" >>{log}
            [[ "$*" != *--show-bin-path* ]] || echo {tmp_path}/built
            """)
    )
    fake.chmod(0o755)
    built = tmp_path / "built" / "MyAgents"
    built.parent.mkdir()
    shutil.copy("/bin/true", built)
    environment = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    output(STEPS, "build", "MyAgents", tmp_path / "out", "--configuration", "release", env=environment)
    lines = log.read_text().splitlines()
    assert lines == [
        "build --product MyAgents --static-swift-stdlib --configuration release",
        "build --show-bin-path --configuration release",
    ]
    output(tmp_path / "out" / "server")
    assert (tmp_path / "out" / "server").readlink() == Path("MyAgents")


def closure(names: list[str]) -> set[str]:
    """Installed packages, with what they depend on."""
    found: set[str] = set()
    rest = list(names)
    while rest:
        name = rest.pop()
        if name in found:
            continue
        done = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Pre-Depends}, ${Depends}\n", name],
            capture_output=True,
            text=True,
        )
        # One of several alternatives is installed; some are names that packages provide.
        if not done.stdout.startswith("installed "):
            continue
        found.add(name)
        rest += re.findall(
            r"(?:^|[,|])\s*([a-z0-9][a-z0-9.+-]*)", done.stdout.splitlines()[0].removeprefix("installed")
        )
    return found


@pytest.fixture
def root() -> Iterator[Path]:
    """A root file system like that of the image, made of files of packages that are installed here."""
    if os.geteuid() != 0:
        pytest.skip("namespaces and users of their own require root")
    folder = Path(tempfile.mkdtemp(prefix="container-"))
    folder.chmod(0o755)
    for name in ("bin", "lib", "lib64", "sbin"):
        (folder / "usr" / name).mkdir(parents=True)
        (folder / name).symlink_to(f"usr/{name}")
    for name in ("proc", "dev", "tmp"):
        (folder / name).mkdir()
    installed = closure([*SYSTEM, *packages("runtime")])
    assert {"libc6", "bash", *packages("runtime")} <= installed
    paths = output("dpkg-query", "--listfiles", *sorted(installed)).splitlines()
    files = folder.parent / f"{folder.name}.files"
    left_out = ("/usr/share/doc", "/usr/share/man", "/usr/share/locale", "/usr/share/info", "/usr/share/gdb")
    kept = {path for path in paths if path.startswith("/") and not path.startswith(left_out)}
    files.write_text("\n".join(sorted(path for path in kept if os.path.islink(path) or os.path.isfile(path))))
    both = f"tar -C / --no-recursion -T {files} -cf - | tar -C {folder} --keep-directory-symlink -xf -"
    output("bash", "-o", "pipefail", "-c", both)
    files.unlink()
    output("ldconfig", "-r", folder)
    output(STEPS, "prepare", folder)
    output(STEPS, "program", binary(), folder / "usr/local/bin")
    shutil.copy(deployment.CONTAINER / "healthcheck", folder / "usr/local/bin/healthcheck")
    # The tool of the tests is linked with the toolchain's runtime dynamically.
    for name, path in re.findall(r"(\S+) => (\S*/swift/\S+)", output("ldd", binary())):
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    yield folder
    shutil.rmtree(folder)


CONTAINER = """\
set -euo pipefail
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
mount -t tmpfs -o mode=700,uid=10001,gid=10001 tmpfs "$ROOT/data"
for device in null zero urandom random; do
    touch "$ROOT/dev/$device"
    mount --bind "/dev/$device" "$ROOT/dev/$device"
done
mount -o remount,bind,ro "$ROOT"
exec chroot "$ROOT" setpriv --reuid="${USER_AND_GROUP%:*}" --regid="${USER_AND_GROUP#*:}" --clear-groups \
    --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""


def test_the_server_runs_as_process_1_of_a_read_only_root_without_privileges(root: Path) -> None:
    port = free_port()
    command = [*deployment.json_instruction("ENTRYPOINT"), *deployment.json_instruction("CMD"), "--port", str(port)]
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/usr/sbin",
        "ROOT": str(root),
        "USER_AND_GROUP": instruction("USER"),
        "ACP_PORT": str(port),
        **dict([instruction("ENV").split("=")]),
    }
    within = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", CONTAINER, "container"]
    server = ServerProcess(command=[*within, *command], environment=environment)
    try:
        pid = next(iter(children(server.pid)))
        status = dict(re.findall(r"^(\w+):\s*(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE))
        assert status["Uid"].split() == status["Gid"].split() == [str(USER)] * 4
        assert (status["NoNewPrivs"], int(status["CapEff"], 16), int(status["CapBnd"], 16)) == ("1", 0, 0)
        assert status["NSpid"].split()[-1] == "1"

        def inside(*words: str) -> int:
            enter = ["nsenter", f"--target={pid}", "--mount", "--pid", f"--root=/proc/{pid}/root"]
            return subprocess.run([*enter, *words], env={**os.environ, **environment}).returncode

        body = {"agent_name": "greeter", "input": [{"role": "user", "parts": [{"content": "Ada"}]}], "mode": "sync"}
        run = httpx.post(f"http://127.0.0.1:{port}/runs", json=body, timeout=60).json()
        assert run["output"][0]["parts"][0]["content"] == "Hello, Ada!"
        assert inside("test", "-s", "/data/simple-acp/acp.sqlite") == 0
        assert inside("bash", "-c", "echo >/file") != 0, "the root is read-only"
        assert inside(*deployment.json_instruction("HEALTHCHECK")) == 0
        os.kill(pid, signal.SIGSTOP)
        assert inside(*deployment.json_instruction("HEALTHCHECK")) != 0, "a server that does not respond is not healthy"
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, getattr(signal, instruction("STOPSIGNAL")))
        assert server.exit_code() == 0, server.log()
    finally:
        server.kill()


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]
