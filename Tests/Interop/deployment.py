# SPDX-License-Identifier: Apache-2.0
"""The files in deploy/, what they tell a server, and the programs that check them."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml
from specification import ROOT

DEPLOY = ROOT / "deploy"
CONTAINER = DEPLOY / "container"
STEPS = CONTAINER / "build-steps"
UNIT = DEPLOY / "systemd" / "acp.service"
COMPOSE = DEPLOY / "compose" / "compose.yaml"
MANIFEST = DEPLOY / "kubernetes" / "acp.yaml"

USER = 10001
"""The user of the image."""


def tool(name: str) -> str:
    """The path of a program of requirements-deploy.txt, or of the system."""
    own = ROOT / ".venv-deploy" / "bin" / name
    found = str(own) if own.is_file() else shutil.which(name)
    if found is None:
        raise RuntimeError(
            f"{name} is not installed: run scripts/setup, and scripts/interop for the packages of Python"
        )
    return found


def output(*command: str | Path, **options: Any) -> str:
    """Runs a command, which must succeed, and returns what it has written to both outputs."""
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        **options,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
    return done.stdout


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Containerfile, with their arguments on one line."""
    text = (CONTAINER / "Containerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def instruction(name: str) -> str:
    """The arguments of the last instruction with a name."""
    return [rest for word, rest in instructions() if word == name][-1]


def json_instruction(name: str) -> list[str]:
    """The words of an instruction in its JSON form."""
    arguments = instruction(name)
    words: list[str] = json.loads(arguments[arguments.index("[") :])
    return words


def packages(stage: str) -> list[str]:
    return output(STEPS, "packages", stage).split()


def compose() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))


def manifest(kind: str) -> dict[str, Any]:
    documents = yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
    return next(document for document in documents if document["kind"] == kind)


def unit() -> dict[str, list[str]]:
    """The settings of the systemd unit. A setting may occur several times."""
    settings: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            settings.setdefault(name, []).append(value)
    return settings


def shutdown_seconds() -> int:
    """How long a server takes at most to end, with its defaults."""
    engine = (ROOT / "Sources/ACPRuntime/Engine/EngineConfiguration.swift").read_text(encoding="utf-8")
    server = (ROOT / "Sources/ACPServer/ServerConfiguration.swift").read_text(encoding="utf-8")
    total = 0
    for name, text in (("shutdownGrace", engine), ("storageTimeout", engine), ("closingGrace", server)):
        found = re.search(rf"{name}: Duration = \.seconds\((\d+)\)", text)
        assert found, f"the default of {name} is not where it was"
        total += int(found[1])
    return total
