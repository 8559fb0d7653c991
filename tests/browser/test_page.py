"""The demo's page, driven in a real browser as a person would; the bot, nginx and Prometheus behind it are real too."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.demo.stand import Stand
from bot.sandbox.slack import CHANNELS
from tests.browser.kit import PACE, PATIENCE, browser, step_done, walk


async def test_a_first_walk_in_which_a_broken_version_is_saved(tmp_path: Path) -> None:
    async with (
        Stand(tmp_path / "stand", pace=PACE) as stand,
        browser(stand, viewport={"width": 1440, "height": 900}) as page,
    ):
        await walk(page)
        dial = page.get_by_label("Errors", exact=True)
        await dial.focus()
        await dial.press("End")
        await step_done(page, "saved")
        await expect(page.locator("#messages")).to_contain_text("olled back", timeout=PATIENCE)
        await expect(page.locator("[data-host=lb-1]")).to_contain_text("0 % to canary", timeout=PATIENCE)
        await expect(page.locator(".chart .legend.canary").first).to_have_text(
            re.compile("canary 0/s"), timeout=PATIENCE
        )
        await inbox_has_what_the_bot_sent(page)


async def inbox_has_what_the_bot_sent(page: Page) -> None:
    """The Critical about the broken version, by mail and by SMS, and in its channel with the button to take it on."""
    await page.get_by_role("tab", name=re.compile(r"Inbox\s*\d")).click(timeout=PATIENCE)
    await expect(page.locator(".letter.mail").first).to_contain_text("Error rate far too high", timeout=PATIENCE)
    await expect(page.locator(".letter.sms").first).to_contain_text("Error rate far too high", timeout=PATIENCE)
    wide = await page.locator(".letter.mail").first.evaluate("letter => letter.querySelector('.text').clientWidth")
    assert wide > 200  # a line of prose, not a column of letters
    await page.locator("#side").get_by_role("button", name=re.compile("critical")).click()
    await page.locator("#messages").get_by_role("button", name="I am on it").click()
    await expect(page.locator("#messages").get_by_role("button", name="I am on it")).to_have_count(0, timeout=PATIENCE)


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


async def uploads_are_shown(stand: Stand, page: Page) -> None:
    bot = AsyncWebClient(token=stand.slack.bot_token, base_url=stand.slack.api_url)
    files: list[dict[str, Any]] = [
        {"filename": "chart.png", "content": PIXEL, "title": "error rate"},
        {"filename": "report.md", "content": "\n".join(f"line {n}" for n in range(40)), "title": "report"},
    ]
    await bot.files_upload_v2(channel=CHANNELS["releases"], initial_comment="evidence", file_uploads=files)
    picture = page.get_by_role("img", name="error rate")
    await expect(picture).to_be_visible()
    await picture.scroll_into_view_if_needed()
    await page.wait_for_function("picture => picture.naturalWidth === 1", arg=await picture.element_handle())
    await expect(page.locator(".file pre")).to_contain_text("line 11")
    await expect(page.locator(".file pre")).not_to_contain_text("line 39")
    await page.locator(".file").get_by_role("button").click()
    await expect(page.locator(".file pre")).to_contain_text("line 39")


async def test_on_a_phone_in_the_dark_and_in_chinese(tmp_path: Path) -> None:
    phone: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
    async with Stand(tmp_path / "stand", language="zh") as stand, browser(stand, **phone) as page:
        for pane, what in (("side", "#side"), ("production", ".production"), ("inbox", ".inbox"), ("talk", "#talk")):
            await page.click(f"#bar [data-pane={pane}]")
            await expect(page.locator(what)).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(24, 26, 30)"
        await page.keyboard.press("/")
        await expect(page.get_by_role("option").filter(has_text="start")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("option")).to_have_count(0)
        await uploads_are_shown(stand, page)
        await page.click("#bar [data-pane=side]")
        await page.click("#side [data-focus=home]")
        await expect(page.locator(".home")).to_contain_text("brand-diagnosis")
