# SPDX-License-Identifier: Apache-2.0
"""The pictures of docs/playground.md. With ACP_PLAYGROUND_PICTURES=1 they are written to docs/images, else only compared in size."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from server import ROOT, Server

Open = Callable[..., Page]


def keep(page: Page, name: str, folder: Path) -> None:
    """Takes a picture with few colors, which is small."""
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement?.blur()")
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    target = ROOT / "docs" / "images" if os.environ.get("ACP_PLAYGROUND_PICTURES") else folder
    file = target / name
    picture.quantize(96, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(file, optimize=True)
    assert file.stat().st_size < 120_000
    kept = ROOT / "docs" / "images" / name
    assert Image.open(kept).size == picture.size, f"{name} is of another size: take the pictures again"


@pytest.fixture
def report(server: Server) -> dict:
    return server.run("researcher", "Whales")


def test_an_agent_and_its_report(open_page: Open, server: Server, report: dict, tmp_path: Path) -> None:
    page = open_page(
        server.page(f"/agents/researcher?session={report['session_id']}"), viewport={"width": 1200, "height": 800}
    )
    expect(page.locator(".badge[data-status=completed]")).to_be_visible()
    expect(page.locator(".sources li")).to_have_count(2)
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(300)
    keep(page, "playground-agent.png", tmp_path)


def test_a_run_that_is_replayed(open_page: Open, server: Server, report: dict, tmp_path: Path) -> None:
    page = open_page(server.page(f"/runs/{report['run_id']}?tab=replay"), viewport={"width": 1200, "height": 760})
    page.get_by_label("Position").fill("34")
    expect(page.locator(".replay-event")).to_contain_text("33")
    page.wait_for_timeout(300)
    keep(page, "playground-run.png", tmp_path)


def test_a_question_on_a_phone(open_page: Open, server: Server, tmp_path: Path) -> None:
    run = server.run("questioner", "Good morning")
    page = open_page(
        server.page(f"/agents/questioner?session={run['session_id']}"), viewport={"width": 390, "height": 780},
        color_scheme="dark", has_touch=True, device_scale_factor=1.5,
    )  # fmt: skip
    expect(page.locator(".question")).to_be_visible()
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(300)
    keep(page, "playground-phone.png", tmp_path)
