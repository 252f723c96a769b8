# SPDX-License-Identifier: Apache-2.0
"""Who may do what: JSON Web Tokens of an issuer, their roles, and runs that belong to principals."""

import base64
import json
import re
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from calls import assert_error, run_request
from recording import Record, RecordingTransport
from server_process import ServerProcess

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

ISSUER = "https://id.example.com"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Signs tokens with a key whose public half is in a file."""

    def __init__(self, folder: Path) -> None:
        self._key = folder / "key.pem"
        self.keys = folder / "jwks.json"
        subprocess.run(["openssl", "genrsa", "-out", self._key, "2048"], check=True, capture_output=True)
        output = subprocess.run(
            ["openssl", "rsa", "-in", self._key, "-noout", "-modulus"], check=True, capture_output=True, text=True
        ).stdout
        modulus = bytes.fromhex(output.strip().partition("=")[2])
        key = {"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": encoded(modulus), "e": "AQAB"}
        self.keys.write_text(json.dumps({"keys": [key]}), encoding="utf-8")

    def headers(self, subject: str, scope: str, **claims: object) -> dict[str, str]:
        """The header of requests by a subject."""
        body = {"iss": ISSUER, "aud": "agents", "sub": subject, "scope": scope, "exp": int(time.time()) + 600, **claims}
        parts = [{"alg": "RS256", "kid": "1", "typ": "JWT"}, body]
        text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self._key], input=text.encode(), check=True, capture_output=True
        ).stdout
        return {"Authorization": f"Bearer {text}.{encoded(signature)}"}


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path)


def serve(own_server: Callable[..., ServerProcess], issuer: Issuer) -> ServerProcess:
    return own_server(
        "--jwt-issuer", ISSUER, "--jwt-audience", "agents", "--jwks", str(issuer.keys), "--isolation", "--storage", "memory"
    )


def client(server: ServerProcess, record: Record, **options: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, transport=RecordingTransport(record), timeout=60, **options)


async def test_a_token_without_a_role_allows_nothing(
    own_server: Callable[..., ServerProcess], record: Record, issuer: Issuer
) -> None:
    server = serve(own_server, issuer)
    async with client(server, record, headers=issuer.headers("ada", "profile")) as http:
        for operation in record.specification.operations:
            if "403" not in operation.definition["responses"]:
                continue
            path = re.sub(r"\{[^}]*\}", str(uuid.uuid4()), operation.template)
            response = await http.request(operation.method, path)
            assert_error(response, 403, "unauthorized")
            assert operation.id in {exchange.operation for exchange in record.seen if exchange.status == "403"}


async def test_runs_belong_to_the_subjects_of_tokens(
    own_server: Callable[..., ServerProcess], record: Record, issuer: Issuer
) -> None:
    server = serve(own_server, issuer)
    ada, bob = issuer.headers("ada", "acp:call"), issuer.headers("bob", "openid acp:call")
    reader, operator = issuer.headers("ada", "acp:read"), issuer.headers("eve", "acp:administer")
    async with client(server, record) as http:
        run = (await http.post("/runs", json=run_request("echo"), headers=ada)).json()
        assert run["principal"] == f"{ISSUER}|ada"
        path = f"/runs/{run['run_id']}"
        for headers, status in ((ada, 200), (reader, 200), (operator, 200), (bob, 404)):
            assert (await http.get(path, headers=headers)).status_code == status
        missing = assert_error(await http.get(f"/runs/{uuid.uuid4()}", headers=bob), 404)
        foreign = assert_error(await http.get(path, headers=bob), 404)
        assert foreign["message"].replace(run["run_id"], "") == re.sub(r"[0-9a-f-]{36}", "", missing["message"])
        for headers, total in ((ada, 1), (bob, 0), (operator, 1)):
            assert (await http.get("/runs", headers=headers)).json()["total"] == total
        assert_error(await http.post("/runs", json=run_request("echo"), headers=reader), 403, "unauthorized")
        for claims in ({"aud": "others"}, {"iss": "https://other.example.com"}, {"exp": int(time.time()) - 600}):
            assert_error(await http.get(path, headers=issuer.headers("ada", "acp:call", **claims)), 401, "unauthorized")
    assert server.stop() == 0
    assert ada["Authorization"].rpartition(".")[2] not in server.log()
