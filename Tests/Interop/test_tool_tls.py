# SPDX-License-Identifier: Apache-2.0
"""The command line tool with TLS: a server with certificates, and clients that trust it or have certificates of their own."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from server_process import ServerProcess, binary
from test_tool_servers import acp

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@pytest.fixture(autouse=True)
def needs_the_tool() -> None:
    assert binary().is_file(), f"{binary()} does not exist: build it with 'make build'"
    assert shutil.which("openssl") is not None, "openssl is not installed: scripts/setup installs it"


def make_certificates(folder: Path, names: tuple[str, ...] = ("server", "client")) -> Path:
    """Creates an authority, and a certificate for each name."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    folder.mkdir(exist_ok=True)
    openssl("req", "-x509", *KEY, "-days", "2", "-subj", "/CN=Authority", "-keyout", "ca.key", "-out", "ca.pem")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n", encoding="utf-8")
    for name in names:
        openssl("req", *KEY, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
        openssl("x509", "-req", "-in", f"{name}.csr", *signing, "-out", f"{name}.pem")
    return folder


def test_a_server_with_a_certificate_is_called_with_its_authority(
    own_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    files = make_certificates(tmp_path)
    server = own_server("--tls-certificate", f"{files}/server.pem", "--tls-key", f"{files}/server.key")
    assert server.url.startswith("https://")
    trusted = ("--url", server.url, "--ca-file", f"{files}/ca.pem")
    assert "echo" in acp("agents", *trusted).stdout
    assert "hello" in acp("run", "echo", "hello", "--stream", *trusted).stdout
    assert "hello" in acp("run", "echo", "hello", ACP_URL=server.url, ACP_CA_FILE=f"{files}/ca.pem").stdout
    assert "echo" in acp("card", f"{server.url}/a2a/echo", "--ca-file", f"{files}/ca.pem").stdout
    assert "certificate" in acp("agents", "--url", server.url, code=2).stderr
    acp("agents", "--url", server.url.replace("https", "http"), code=2)


def test_a_server_can_require_certificates_of_clients(
    own_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    files = make_certificates(tmp_path / "one")
    others = make_certificates(tmp_path / "other")
    certificate = ("--tls-certificate", f"{files}/server.pem", "--tls-key", f"{files}/server.key")
    server = own_server(*certificate, "--tls-client-ca", f"{files}/ca.pem")
    trusted = ("--url", server.url, "--ca-file", f"{files}/ca.pem", "--timeout", "5")
    own = ("--client-certificate", f"{files}/client.pem", "--client-key", f"{files}/client.key")
    foreign = ("--client-certificate", f"{others}/client.pem", "--client-key", f"{others}/client.key")
    assert "hello" in acp("run", "echo", "hello", *trusted, *own).stdout
    variables = {"ACP_CLIENT_CERTIFICATE": f"{files}/client.pem", "ACP_CLIENT_KEY": f"{files}/client.key"}
    assert "hello" in acp("run", "echo", "hello", *trusted, **variables).stdout
    acp("agents", *trusted, code=2)
    acp("agents", *trusted, *foreign, code=2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["serve", "--tls-certificate", "x"], "--tls-key"),
        (["serve", "--tls-key", "x"], "--tls-certificate"),
        (["serve", "--tls-client-ca", "x"], "--tls-certificate"),
        (["serve", "--tls-client-optional"], "--tls-client-ca"),
        (["agents", "--client-certificate", "x"], "--client-key"),
        (["agents", "--client-key", "x"], "--client-certificate"),
        (["serve", "--allow-origin", "*"], "not supported"),
        (["serve", "--allow-origin", "https://a.example/path"], "without a path"),
        (["serve", "--allow-host", "https://a.example"], "without scheme"),
    ],
)
def test_options_that_do_not_belong_together(words: list[str], message: str) -> None:
    assert message in acp(*words, code=64).stderr


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    files = make_certificates(tmp_path)
    serve = ("serve", "--port", "0", "--storage", "memory")
    missing = acp(*serve, "--tls-certificate", "missing.pem", "--tls-key", f"{files}/server.key", code=1).stderr
    assert "missing.pem" in missing and "does not exist" in missing
    wrong = acp(
        *serve, "--tls-certificate", f"{files}/server.pem", "--tls-key", f"{files}/client.key", code=1
    ).stderr
    assert f"{files}/client.key" in wrong and f"{files}/server.pem" in wrong
    unreadable = acp("agents", "--url", "https://127.0.0.1:1", "--ca-file", "missing.pem", code=2).stderr
    assert "missing.pem" in unreadable
