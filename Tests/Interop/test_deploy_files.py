# SPDX-License-Identifier: Apache-2.0
"""The files in deploy/ are valid, fit each other, and have options that the tool accepts."""

import ipaddress
import json
from collections.abc import Callable

import deployment
import httpx
import pytest
from deployment import compose, instruction, manifest, output, shutdown_seconds, tool
from server_process import ServerProcess

pytestmark = [pytest.mark.additions, pytest.mark.own_server]


def test_the_containerfile_has_no_fault_that_hadolint_knows() -> None:
    output(tool("hadolint"), "--failure-threshold", "style", deployment.CONTAINER / "Containerfile")


def test_the_compose_file_follows_the_schema() -> None:
    output(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", deployment.COMPOSE)


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_the_manifest_follows_the_schemas_of_kubernetes(version: str) -> None:
    output(tool("kubernetes-validate"), "--strict", "-k", version, deployment.MANIFEST)


def seconds(text: str) -> int:
    assert text.endswith("s")
    return int(text[:-1])


def test_every_supervisor_allows_a_server_the_time_that_it_needs_to_end() -> None:
    needed = shutdown_seconds()
    pod = manifest("Deployment")["spec"]["template"]["spec"]
    pause = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod["terminationGracePeriodSeconds"] >= pause + needed
    for name in ("server-1", "server-2"):
        assert seconds(compose()["services"][name]["stop_grace_period"]) >= needed
    assert int(deployment.unit()["TimeoutStopSec"][0]) >= needed


def test_the_servers_of_the_compose_file_are_checked_as_in_the_image_and_keep_their_addresses() -> None:
    services = compose()["services"]
    check = services["server-1"]["healthcheck"]
    assert check["test"][1:] == deployment.json_instruction("HEALTHCHECK")
    options = dict(word.removeprefix("--").split("=") for word in instruction("HEALTHCHECK").split() if "=" in word)
    assert {name.replace("_", "-"): str(value) for name, value in check.items() if name != "test"} == options
    addresses = {services[name]["networks"]["agents"]["ipv4_address"] for name in ("server-1", "server-2")}
    subnet = ipaddress.ip_network(compose()["networks"]["agents"]["ipam"]["config"][0]["subnet"])
    assert len(addresses) == 2 and all(ipaddress.ip_address(one) in subnet for one in addresses)
    assert f"--trusted-proxy={subnet}" in services["server-1"]["command"]


def test_the_user_the_ports_and_the_folder_are_those_of_the_image() -> None:
    pod = manifest("Deployment")["spec"]["template"]["spec"]
    security = pod["securityContext"]
    assert instruction("USER") == f"{deployment.USER}:{deployment.USER}"
    assert (security["runAsUser"], security["runAsGroup"]) == (deployment.USER, deployment.USER)
    ports = {port["name"]: port["containerPort"] for port in pod["containers"][0]["ports"]}
    assert instruction("EXPOSE").split() == [str(ports["http"]), str(ports["metrics"])]
    assert json.loads(instruction("VOLUME")) == [instruction("WORKDIR")]
    assert instruction("ENV") == f"XDG_DATA_HOME={instruction('WORKDIR')}"
    assert instruction("STOPSIGNAL") == "SIGTERM"


def test_the_manifest_selects_its_own_pods_and_can_replace_them_one_by_one() -> None:
    deployed = manifest("Deployment")["spec"]
    labels = deployed["template"]["metadata"]["labels"]
    assert deployed["selector"]["matchLabels"] == labels
    assert manifest("Service")["spec"]["selector"] == labels
    budget = manifest("PodDisruptionBudget")["spec"]
    assert budget["selector"]["matchLabels"] == labels
    assert budget["minAvailable"] < deployed["replicas"]
    update = deployed["strategy"]["rollingUpdate"]
    assert (update["maxUnavailable"], update["maxSurge"]) == (0, 1)
    container = deployed["template"]["spec"]["containers"][0]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def in_memory(options: list[str]) -> list[str]:
    """Options for a server without Redis, on free ports. Host and port are those of the test."""
    left_out = ("--host=", "--port=")
    replaced = {"--storage": "--storage=memory", "--metrics-port": "--metrics-port=0"}
    return [replaced.get(word.partition("=")[0], word) for word in options if not word.startswith(left_out)]


def started() -> dict[str, tuple[list[str], dict[str, str]]]:
    """The options and variables with which each file starts a server."""
    container = manifest("Deployment")["spec"]["template"]["spec"]["containers"][0]
    server = compose()["services"]["server-1"]
    unit = deployment.unit()["ExecStart"][0].split()
    token = {"ACP_SERVER_TOKEN": "secret"}
    assert unit[0] == "/usr/local/bin/acp" and unit[-1] == "$ACP_OPTIONS"
    image = json.loads(instruction("CMD"))
    return {
        "image": ([word for word in image if word not in ("--host", "0.0.0.0")], {}),
        "kubernetes": (container["args"], token),
        "compose": (server["command"], token),
        "systemd": ([*unit[1:-1], "--storage=memory"], {}),
    }


@pytest.mark.parametrize("name", ["image", "kubernetes", "compose", "systemd"])
def test_the_tool_accepts_the_options(name: str, own_server: Callable[..., ServerProcess]) -> None:
    options, environment = started()[name]
    assert options[0] == "serve"
    server = own_server(*in_memory(options[1:]), environment=environment)
    assert httpx.get(f"{server.url}/readyz").status_code == 200
    authorized = {"Authorization": f"Bearer {environment.get('ACP_SERVER_TOKEN', '')}"}
    assert httpx.get(f"{server.url}/agents", headers=authorized if environment else {}).status_code == 200
    if environment:
        assert httpx.get(f"{server.url}/agents").status_code == 401
    assert server.stop() == 0


def test_the_variables_of_secrets_are_those_that_the_tool_reads() -> None:
    container = manifest("Deployment")["spec"]["template"]["spec"]["containers"][0]
    variables = {one["name"] for one in container["env"]}
    assert variables == {"ACP_SERVER_TOKEN", "REDIS_URL"} == set(compose()["services"]["server-1"]["environment"])
    assert all("secretKeyRef" in one["valueFrom"] for one in container["env"])
