"""The demo's page, driven in a real browser as a person would; the bot, nginx and Prometheus behind it are real too."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
from playwright.async_api import Page, async_playwright, expect

from bot.sandbox.demo.plans import Pace
from bot.sandbox.demo.stand import Stand

PATIENCE = 60_000  # milliseconds; a condition is waited for, so that a quick machine does not notice
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")
PACE = Pace(bakes={"internal": 2.0, "1%": 4.0, "10%": 4.0, "50%": 4.0, "100%": 4.0}, watch=3.0)


@asynccontextmanager
async def browser(stand: Stand, **context: Any) -> AsyncIterator[Page]:
    """The page, once it is ready. Fails at the end for anything on the console that is a warning or worse."""
    wrong: list[str] = []
    async with async_playwright() as play:
        found = shutil.which("chromium") or shutil.which("chromium-browser")
        chromium = await play.chromium.launch(executable_path=found, args=list(FLAGS))
        page = await (await chromium.new_context(**context)).new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        await page.goto(stand.slack.page_url)
        await page.wait_for_selector("body[data-ready]")
        yield page
        await chromium.close()
    assert wrong == []


async def act_as(page: Page, who: str) -> None:
    await page.click("#person")
    await page.get_by_role("menuitemradio").filter(has_text=who).click()
    await page.wait_for_selector(f"#person[data-person='{who}']")


async def approve(page: Page, stage: str) -> None:
    request = page.locator("#messages > *").filter(has_text=f"Approve stage {stage} of")
    await request.last.get_by_role("button", name="React with :white_check_mark:").click()


async def step_done(page: Page, step: str) -> None:
    await page.wait_for_selector(f'#notice [data-step="{step}"].done')


async def walk(page: Page) -> None:
    """The guide's five steps; each is ticked off by what the bot's own log says."""
    await page.get_by_role("button", name="Write the command").click()
    await page.get_by_role("combobox", name="Message", exact=True).press("Enter")
    await step_done(page, "start")
    await approve(page, "internal")
    await step_done(page, "refused")
    await act_as(page, "wang")
    await approve(page, "internal")
    await step_done(page, "approved")
    await act_as(page, "lin")
    await expect(page.locator("#messages")).to_contain_text("report success", timeout=PATIENCE)
    await page.locator("#messages").get_by_role("button", name=re.compile("^Promote")).click()
    confirm = page.locator("dialog[open] button.primary")
    if await confirm.count():
        await confirm.click()
    await act_as(page, "wang")
    await approve(page, "1%")
    await step_done(page, "promoted")
    await expect(page.locator("[data-host=lb-1]")).to_contain_text("1 % to canary", timeout=PATIENCE)


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
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
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
