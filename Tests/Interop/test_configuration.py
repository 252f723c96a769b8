# SPDX-License-Identifier: Apache-2.0
"""The configuration of `acp serve` by a file, variables and flags, and its check by `acp check`."""

import json
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from postgres_process import PostgresProcess
from redis_process import RedisProcess
from server_process import ServerProcess, binary
from test_tool_servers import acp
from test_tool_tls import make_certificates

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

TOKEN = "a-token-of-this-test"


@pytest.fixture(autouse=True)
def needs_the_tool() -> None:
    assert binary().is_file(), f"{binary()} does not exist: build it with 'make build'"


def write(folder: Path, text: str, name: str = "acp.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def check(*options: str, code: int = 0, **variables: str) -> dict[str, list[tuple[str, str]]]:
    """Returns the status and the message of each check, by its name. The port is a free one."""
    report = json.loads(acp("check", "--json", "--port", "0", *options, code=code, **variables).stdout)
    assert report["ok"] == (code == 0)
    found: dict[str, list[tuple[str, str]]] = {}
    for result in report["checks"]:
        found.setdefault(result["check"], []).append((result["status"], result["message"]))
    return found


def only(results: list[tuple[str, str]]) -> tuple[str, str]:
    assert len(results) == 1, results
    return results[0]


# Serving


def test_a_file_configures_a_server(own_server: Callable[..., ServerProcess], tmp_path: Path) -> None:
    files = make_certificates(tmp_path)
    path = write(
        tmp_path,
        f"""
        authentication: {{token: {TOKEN}}}
        tls: {{certificate: {files}/server.pem, key: {files}/server.key}}
        limits: {{bodyBytes: 100}}
        a2a: {{enabled: false}}
        """,
    )
    server = own_server("--config", path)
    trusted = ("--url", server.url, "--ca-file", f"{files}/ca.pem")
    assert "echo" in acp("agents", *trusted, ACP_TOKEN=TOKEN).stdout
    acp("agents", *trusted, code=2)
    acp("run", "echo", "x" * 200, *trusted, code=2, ACP_TOKEN=TOKEN)


def test_flags_take_precedence_over_variables_and_variables_over_the_file(
    own_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    path = write(tmp_path, "a2a: {defaultAgent: echo}\nauthentication: {token: of-the-file}\nmetrics: {enabled: true}\n")
    variables = {"ACP_CONFIG": path, "ACP_SERVER_TOKEN": TOKEN, "ACP_METRICS_ENABLED": "off"}
    server = own_server("--a2a-default-agent", "greeter", environment=variables)
    authorized = {"Authorization": f"Bearer {TOKEN}"}
    card = httpx.get(f"{server.url}/.well-known/agent-card.json", headers=authorized).json()
    assert "greeter" in card["name"].lower()
    assert httpx.get(f"{server.url}/metrics", headers=authorized).status_code == 404
    assert httpx.get(f"{server.url}/agents", headers={"Authorization": "Bearer of-the-file"}).status_code == 401


def test_a_file_can_be_json(own_server: Callable[..., ServerProcess], tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps({"authentication": {"token": TOKEN}}), "acp.json")
    server = own_server("--config", path)
    assert httpx.get(f"{server.url}/agents").status_code == 401


def test_named_tokens_are_principals_that_are_isolated(
    own_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    tokens = write(tmp_path, f"alice call {TOKEN}-a\nbob call {TOKEN}-b\ndashboard read {TOKEN}-c\n", "tokens")
    server = own_server("--tokens", tokens, "--isolation", "--public", "ping", "--public", "agents")
    assert httpx.get(f"{server.url}/agents").status_code == 200
    assert httpx.get(f"{server.url}/readyz").status_code == 401
    assert "hello" in acp("run", "echo", "hello", "--url", server.url, ACP_TOKEN=f"{TOKEN}-a").stdout
    acp("run", "echo", "hello", "--url", server.url, code=2, ACP_TOKEN=f"{TOKEN}-c")
    alice, bob = (
        httpx.get(f"{server.url}/runs", headers={"Authorization": f"Bearer {TOKEN}-{name}"}).json()["runs"]
        for name in "ab"
    )
    assert len(alice) == 1 and bob == []


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, f"port: 70000\nauthentication:\n  tokn: {TOKEN}\nlog:\n  level: loud\n")
    done = acp("serve", "--config", path, "--max-runs", "none", code=64, ACP_RUNS_LEASE="0")
    assert done.stdout == ""
    for message in [
        "the configuration has 5 mistakes",
        f"{path}:1: port must be 0 to 65535",
        "--max-runs must be a whole number",
        "ACP_RUNS_LEASE must be 0.1 to 1000000",
        f"{path}:3: authentication.tokn is not a setting",
        f"{path}:5: log.level must be one of",
    ]:
        assert message in done.stderr
    assert TOKEN not in done.stderr
    assert "does not exist" in acp("serve", "--config", f"{path}.missing", code=64).stderr


def test_the_printed_configuration_is_a_file_with_the_same_outcome(tmp_path: Path) -> None:
    options = ("--port", "0", "--allow-host", "a.example", "--no-a2a", "--session-runs", "queue")
    printed = acp("serve", *options, "--print-config", ACP_STORAGE_URL="memory", ACP_LIMITS_STREAMS="5").stdout
    again = acp("serve", "--config", write(tmp_path, printed), "--print-config").stdout

    def without_sources(text: str) -> str:
        return re.sub(r"  # (from .*|the default)$", "", text, flags=re.MULTILINE)

    assert without_sources(printed) == without_sources(again)
    assert "streams: 5  # from ACP_LIMITS_STREAMS\n" in printed and "enabled: false  # from --no-a2a\n" in printed


def test_secrets_are_not_printed() -> None:
    variables = {
        "ACP_SERVER_TOKEN": TOKEN,
        "ACP_URL_SECRET": f"{TOKEN}-for-urls",
        "ACP_STORAGE_URL": f"redis://user:{TOKEN}@127.0.0.1:1/0",
    }
    assert TOKEN not in acp("serve", "--print-config", **variables).stdout
    done = acp("check", "--port", "0", code=1, **variables)
    assert TOKEN not in done.stdout + done.stderr


def test_the_command_of_a_storage_uses_the_same_sources(tmp_path: Path) -> None:
    file = tmp_path / "runs.sqlite"
    path = write(tmp_path, f"port: 1\nstorage: {{url: 'sqlite:{file}'}}\n")
    assert "responded" in acp("storage", "ping", "--config", path).stdout
    assert file.exists()
    assert "responded" in acp("storage", "ping", ACP_STORAGE_URL="memory", ACP_CONFIG=path).stdout


# Checking


def test_a_good_configuration_is_fine(tmp_path: Path) -> None:
    files = make_certificates(tmp_path)
    storage = tmp_path / "runs.sqlite"
    path = write(
        tmp_path,
        f"""
        storage: {{url: 'sqlite:{storage}'}}
        authentication: {{token: {TOKEN}}}
        tls: {{certificate: {files}/server.pem, key: {files}/server.key, clientCA: {files}/ca.pem}}
        """,
    )
    os.chmod(f"{files}/server.key", 0o600)
    found = check("--config", path)
    assert only(found["configuration"])[0] == "ok"
    assert only(found["storage"]) == ("ok", f"{storage} will be created")
    assert only(found["certificate"])[0] == "warning", "it is valid for two days"
    assert re.search(r"server, localhost\) is valid until \d{4}-\d\d-\d\d, for 1 more days", found["certificate"][0][1])
    assert "CN=Authority" in only(found["client CA"])[1]
    assert not storage.exists() and "file" not in found
    os.chmod(path, 0o644)
    os.chmod(f"{files}/server.key", 0o644)
    found = check("--config", path)
    assert [status for status, _ in found["file"]] == ["warning", "warning"]
    assert "chmod 600" in acp("check", "--port", "0", "--config", path).stdout


def test_certificates_that_cannot_be_used_are_explained(tmp_path: Path) -> None:
    files = make_certificates(tmp_path)
    (tmp_path / "garbage.pem").write_text("garbage", encoding="utf-8")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "0", "-out", "expired.pem")
    subprocess.run(
        ["openssl", "x509", "-req", "-in", "server.csr", *signing], check=True, capture_output=True, cwd=tmp_path
    )
    for certificate, key, words in [
        ("missing.pem", "server.key", "missing.pem: the file does not exist"),
        ("server.pem", "missing.key", "missing.key: the file does not exist"),
        ("garbage.pem", "server.key", "one or more certificates in PEM format are required"),
        ("server.pem", "garbage.pem", "is not a private key in PEM format"),
        ("server.pem", "client.key", "is not that of the first certificate"),
        ("expired.pem", "server.key", "has expired on 2"),
    ]:
        options = ("--tls-certificate", f"{files}/{certificate}", "--tls-key", f"{files}/{key}")
        status, message = only(check("--storage", "memory", *options, code=1)["certificate"])
        assert status == "failed" and words in message
    found = check("--storage", "memory", "--tls-key", "x", code=1)
    assert only(found["certificate"])[0] == "skipped"
    assert "--tls-certificate" in only(found["configuration"])[1]


def test_authentication_is_checked(tmp_path: Path) -> None:
    tokens = write(tmp_path, f"alice call {TOKEN}\nbob nothing {TOKEN}-b\n", "tokens")
    found = check("--storage", "memory", "--tokens", tokens, code=1)
    status, message = only(found["configuration"])
    assert status == "failed" and "line 2" in message and TOKEN not in message
    assert only(found["authentication"])[0] == "skipped"
    good = write(tmp_path, f"alice call {TOKEN}\n", "good")
    found = check("--storage", "memory", "--tokens", good, "--isolation")
    assert "principals are isolated" in only(found["authentication"])[1]
    keys = write(tmp_path, "{}", "keys.json")
    issuer = ("--jwt-issuer", "https://id.example.com", "--jwt-audience", "agents")
    status, message = only(check("--storage", "memory", *issuer, "--jwks", keys, code=1)["configuration"])
    assert status == "failed" and keys in message
    check("--storage", "memory", *issuer, "--jwks", "https://id.example.com/keys", "--isolation")


def test_mistakes_are_reported_and_the_rest_is_checked(tmp_path: Path) -> None:
    path = write(tmp_path, "runs: {lease: 0}\ntypo: 1\n")
    found = check("--config", path, "--storage", "memory", code=1, ACP_TLS_KEYS="x")
    assert [status for status, _ in found["configuration"]] == ["failed", "failed"]
    assert "ACP_TLS_KEYS" in " ".join(message for _, message in found["environment"])
    assert only(found["storage"])[0] == "warning"
    text = acp("check", "--config", path, "--storage", "memory", "--port", "0", code=1).stdout
    assert text.startswith(f"failed   configuration   {path}:1: runs.lease must be 0.1 to 1000000\n")


def test_a_port_that_is_in_use_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        report = json.loads(acp("check", "--json", "--storage", "memory", "--port", port, code=1).stdout)
        result = next(result for result in report["checks"] if result["check"] == "port")
        assert result["status"] == "failed" and f"127.0.0.1:{port}: it is in use" in result["message"]
        assert "--port" in result["message"]
        assert only(check("--storage", "memory", "--metrics-port", port, code=1)["metrics port"])[0] == "failed"
    status, message = only(check("--storage", "memory", "--host", "192.0.2.1", code=1)["port"])
    assert status == "failed" and "no such address" in message and "--host" in message


@pytest.fixture
def redis() -> Iterator[RedisProcess]:
    process = RedisProcess()
    yield process
    process.stop()


def test_redis_is_checked(redis: RedisProcess) -> None:
    redis.command("CONFIG", "SET", "appendonly", "yes")
    status, message = only(check("--storage", redis.url)["storage"])
    assert status == "ok" and re.match(r"Redis \d+\.\d+\.\d+ responded in \d+ ms, and can be written", message)
    redis.command("CONFIG", "SET", "appendonly", "no")
    redis.command("CONFIG", "SET", "maxmemory", "100mb")
    redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    results = check("--storage", redis.url)["storage"]
    assert [status for status, _ in results] == ["ok", "warning", "warning"]
    assert "maxmemory-policy is allkeys-lru" in results[1][1] and "appendonly is off" in results[2][1]
    redis.command("ACL", "SETUSER", "reader", "on", f">{TOKEN}", "~*", "&*", "+@read", "+@connection")
    url = redis.url.replace("redis://", f"redis://reader:{TOKEN}@")
    status, message = only(check("--storage", url, code=1)["storage"])
    assert status == "failed" and TOKEN not in message


def test_postgresql_is_checked() -> None:
    postgres = PostgresProcess()
    try:
        status, message = only(check("--storage", postgres.url)["storage"])
        assert status == "ok" and "has no tables, those of version" in message
        assert "has no tables" in only(check("--storage", postgres.url)["storage"])[1], "nothing was created"
        acp("storage", "ping", "--storage", postgres.url)
        status, message = only(check("--storage", postgres.url)["storage"])
        assert status == "ok" and "can be written" in message
        read_only = f"{postgres.url}?options=-c%20default_transaction_read_only%3Don"
        status, message = only(check("--storage", read_only, code=1)["storage"])
        assert status == "failed" and "read-only" in message
    finally:
        postgres.stop()
    assert only(check("--storage", postgres.url, code=1)["storage"])[0] == "failed"


def test_files_are_checked(own_server: Callable[..., ServerProcess], tmp_path: Path) -> None:
    storage = f"sqlite:{tmp_path / 'runs.sqlite'}"
    own_server("--storage", storage)
    assert "is in use by process" in only(check("--storage", storage, code=1)["storage"])[1]
    for path, words in [("missing/runs.sqlite", "No such file or directory"), ("", "is not a file")]:
        status, message = only(check("--storage", f"sqlite:{tmp_path / path}", code=1)["storage"])
        assert status == "failed" and words in message
    assert only(check(XDG_DATA_HOME=str(tmp_path / "data"))["storage"])[0] == "ok"
    assert not (tmp_path / "data").exists()

