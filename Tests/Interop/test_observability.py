# SPDX-License-Identifier: Apache-2.0
"""What operators see: metrics, as Prometheus reads them, log lines, and traces."""

import json
import re
from collections.abc import Callable

import anyio
import httpx
import pytest
from calls import run_request
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from recording import Record, RecordingTransport
from redis_process import RedisProcess
from server_process import ServerProcess

pytestmark = [pytest.mark.additions, pytest.mark.own_server]

TOKEN = "a-token-of-this-test"


class Scrape:
    """One export, as the official parser reads it."""

    def __init__(self, url: str, **options: object) -> None:
        response = httpx.get(f"{url}/metrics", timeout=60, **options)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        self.families: dict[str, Metric] = {
            family.name: family for family in text_string_to_metric_families(response.text)
        }

    def value(self, name: str, **labels: str) -> float | None:
        """The value of a sample with exactly these labels."""
        return next((value for found, value in self.samples(name) if found == labels), None)

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        return [
            (sample.labels, sample.value)
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name
        ]


def traffic(url: str, **options: object) -> None:
    with httpx.Client(base_url=url, timeout=60, **options) as http:
        for _ in range(5):
            assert http.post("/runs", json=run_request("echo", "hello")).json()["status"] == "completed"
        assert http.post("/runs", json=run_request("failer", "hello")).json()["status"] == "failed"
        assert http.post("/runs", json=run_request("questioner", "hello")).json()["status"] == "awaiting"
        assert http.post("/runs", json=run_request("slow", "a b", mode="stream")).status_code == 200
        assert http.get("/agents/nobody").status_code == 404
        for index in range(20):
            assert http.get(f"/{index}/unknown").status_code == 404


def test_values_after_known_traffic(own_server: Callable[..., ServerProcess]) -> None:
    server = own_server("--metrics")
    traffic(server.url)
    scrape = Scrape(server.url)
    assert scrape.value("acp_http_requests_total", method="POST", route="/runs", status="200") == 8
    assert scrape.value("acp_http_requests_total", method="GET", route="/agents/{name}", status="404") == 1
    assert scrape.value("acp_http_requests_total", method="GET", route="unmatched", status="404") == 20
    assert scrape.value("acp_runs_created_total", agent="echo") == 5
    assert scrape.value("acp_runs_ended_total", agent="echo", outcome="completed") == 5
    assert scrape.value("acp_runs_ended_total", agent="failer", outcome="failed") == 1
    assert scrape.value("acp_runs_active") == 0
    assert scrape.value("acp_runs_awaiting") == 1
    assert scrape.value("acp_http_request_duration_seconds_count", method="POST", route="/runs") == 8
    commits = scrape.value("acp_commit_duration_seconds_count")
    assert commits and commits >= 16
    assert scrape.value("acp_events_total") == scrape.value("acp_commit_events_sum")
    assert (scrape.value("acp_heartbeats_total", result="stored") or 0) >= 1
    assert (scrape.value("process_resident_memory_bytes") or 0) > 1_000_000


def test_names_and_histograms_follow_the_conventions(own_server: Callable[..., ServerProcess]) -> None:
    server = own_server("--metrics")
    traffic(server.url)
    families = Scrape(server.url).families
    for name, family in families.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert family.documentation.endswith("."), f"{name} has no help"
        assert family.type in {"counter", "gauge", "histogram"}, name
        if family.type != "histogram":
            continue
        assert re.search(r"_(seconds|bytes|events)$", name), f"{name} has no unit"
        series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
        counts = {}
        for sample in family.samples:
            labels = dict(sample.labels)
            bound = labels.pop("le", None)
            key = tuple(sorted(labels.items()))
            if sample.name.endswith("_bucket"):
                series.setdefault(key, []).append((float(bound or "nan"), sample.value))
            elif sample.name.endswith("_count"):
                counts[key] = sample.value
        for key, buckets in series.items():
            assert buckets == sorted(buckets), f"{name}: buckets are in order, and cumulative"
            assert buckets[-1] == (float("inf"), counts[key])


def test_a_token_guards_the_metrics_of_the_servers_port(own_server: Callable[..., ServerProcess]) -> None:
    server = own_server("--metrics", "--token", TOKEN)
    assert httpx.get(f"{server.url}/metrics").status_code == 401
    assert Scrape(server.url, headers={"Authorization": f"Bearer {TOKEN}"}).families


def test_metrics_have_a_port_of_their_own(own_server: Callable[..., ServerProcess]) -> None:
    server = own_server("--metrics-port", "0", "--token", TOKEN)
    port = server.wait_for_log(r"Serving metrics on port (\d+)")[1]
    url = f"http://127.0.0.1:{port}"
    assert "acp_runs_active" in Scrape(url).families
    assert httpx.get(f"{url}/agents").status_code == 404
    authorized = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"{server.url}/metrics", headers=authorized).status_code == 404


def test_the_redis_client_and_the_lease_are_part_of_the_metrics(own_server: Callable[..., ServerProcess]) -> None:
    redis = RedisProcess()
    try:
        server = own_server("--metrics", "--storage", redis.url, "--lease", "6")
        traffic(server.url)
        scrape = Scrape(server.url)
        assert (scrape.value("redis_client_commands_total") or 0) > 8
        assert (scrape.value("redis_client_latency_seconds_count") or 0) > 8
        assert (scrape.value("redis_client_connections", pool="shared") or 0) >= 1
        assert 0 < (scrape.value("acp_lease_remaining_seconds") or 0) <= 6
        assert server.stop() == 0
    finally:
        redis.stop()


def test_log_lines_are_json_without_contents(own_server: Callable[..., ServerProcess]) -> None:
    server = own_server("--log-format", "json", "--log-requests", "--token", TOKEN)
    with httpx.Client(base_url=server.url, timeout=60, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        run = http.post("/runs", json=run_request("failer", "a confidential message")).json()
        assert http.get("/runs", params={"status": "awaiting"}).status_code == 200
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["message"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("POST", "/runs", 200),
        ("GET", "/runs", 200),
    ]
    assert requests[0]["run_id"] == run["run_id"]
    assert requests[0]["client"] == "127.0.0.1"
    failures = [line for line in lines if line["message"] == "a run failed"]
    assert [(line["level"], line["run_id"], line["agent"]) for line in failures] == [
        ("error", run["run_id"], "failer")
    ]
    assert "confidential" not in server.log()
    assert TOKEN not in server.log()


async def test_the_trace_of_a_caller_is_kept_with_the_run_and_in_the_log(
    own_server: Callable[..., ServerProcess], record: Record
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "tracestate": "vendor=1"}
    server = own_server("--log-format", "json", "--log-requests")
    async with httpx.AsyncClient(base_url=server.url, transport=RecordingTransport(record), timeout=60) as http:
        run = (await http.post("/runs", json=run_request("failer", "hello"), headers=headers)).json()
        assert run["trace"] == headers
        assert (await http.get(f"/runs/{run['run_id']}")).json()["trace"] == headers
        assert "trace" not in (await http.post("/runs", json=run_request("echo", "hello"))).json()
    assert await anyio.to_thread.run_sync(server.stop) == 0
    lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    traced = [line["message"] for line in lines if line.get("trace_id") == trace]
    assert sorted(traced) == ["a run failed", "request"]
