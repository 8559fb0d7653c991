"""The demo's page, driven in a real browser as a person would; the bot, nginx and Prometheus behind it are real too."""

from __future__ import annotations

import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
from playwright.async_api import Page, expect

from bot.sandbox.demo.stand import Stand
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
        await inbox_shows_what_arrives(stand, page)


async def inbox_shows_what_arrives(stand: Stand, page: Page) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "bot@example.com", "oncall@example.com", "Rolled back"
    mail.set_content("error rate 100 %")
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=stand.smtp_port, start_tls=False)
    async with (
        aiohttp.ClientSession() as session,
        session.post(stand.sms_url, json={"to": "+8613800000000", "text": "brand-diagnosis rolled back"}) as sent,
    ):
        assert sent.status == 200
    await expect(page.locator("#tab-inbox .badge")).to_have_text("2", timeout=PATIENCE)
    await page.get_by_role("tab", name=re.compile("Inbox")).click()
    await expect(page.locator(".letter.mail")).to_contain_text("error rate 100 %")
    await expect(page.locator(".letter.sms")).to_contain_text("brand-diagnosis rolled back")


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
