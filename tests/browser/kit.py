"""What browser tests and pictures share: a browser on a demo's page, and the guide's walk as a person does it."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

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
    await request.last.locator(".chip[data-emoji='white_check_mark']").click()


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
