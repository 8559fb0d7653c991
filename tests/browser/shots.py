"""The pictures of the README, taken in the walk of the browser tests: `make shots`."""

from __future__ import annotations

import asyncio
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from playwright.async_api import expect

from bot.sandbox.demo.people import Team, Witness
from bot.sandbox.demo.runbook import runbook
from bot.sandbox.demo.scenarios import Run
from bot.sandbox.demo.stand import Stand
from bot.sandbox.demo.transcript import Transcript
from tests.browser.kit import PACE, PATIENCE, browser, step_done, walk

DOCS = Path(__file__).parents[2] / "docs"


async def guided() -> None:
    wide = {"width": 1440, "height": 900}
    with tempfile.TemporaryDirectory(prefix="rollout-shots-") as folder:
        pace = replace(PACE, bakes=PACE.bakes | {"1%": 15.0})  # long enough for a picture of it
        stand = Stand(Path(folder) / "stand", pace=pace, say=print)
        async with stand, browser(stand, viewport=wide) as page:
            await walk(page)
            card = page.locator("#messages > article").filter(has_text="Gates of stage 1%")
            await expect(card).to_contain_text("Baking at stage 1%", timeout=PATIENCE)
            await expect(card.locator("pre")).to_have_text(re.compile("✅.*✅.*✅.*✅", re.DOTALL), timeout=PATIENCE)
            await page.mouse.move(0, 0)
            await card.screenshot(path=DOCS / "card.png")
            await page.screenshot(path=DOCS / "demo.png")
            dial = page.get_by_label("Errors", exact=True)
            await dial.focus()
            await dial.press("End")
            await step_done(page, "saved")
            await expect(page.locator("#tab-inbox .badge")).to_have_text("3", timeout=PATIENCE)  # a mail and two SMS
            await expect(page.locator("#messages")).to_contain_text("Rolled back", timeout=PATIENCE)
            legend = page.locator(".chart .legend.canary").first
            await expect(legend).to_have_text(re.compile("canary 0/s"), timeout=PATIENCE)
            await page.screenshot(path=DOCS / "demo-saved.png")
    print(f"card.png, demo.png and demo-saved.png are in {DOCS}")


async def around() -> None:
    """What came before the start, as its message, and the first page of the report in both languages."""
    with tempfile.TemporaryDirectory(prefix="rollout-shots-") as folder:
        stand = Stand(Path(folder) / "stand", say=print, booked=True, reports=Path(folder) / "reports")
        async with stand, browser(stand, viewport={"width": 1440, "height": 1000}) as page:
            witness = Witness(stand)
            try:
                await runbook(Run(stand, Team(stand, witness), witness, Transcript(), seed=0))
            finally:
                await witness.close()
            before = page.locator("#messages > article").filter(has_text="Prepared: brand-diagnosis")
            await before.first.screenshot(path=DOCS / "before-start.png")
            await page.set_viewport_size({"width": 1000, "height": 1240})
            for lang, name in (("en", "report.png"), ("zh", "report-zh.png")):
                await page.goto(f"{stand.reports.as_uri()}/report.{lang}.html")
                await page.screenshot(path=DOCS / name)
    print(f"before-start.png, report.png and report-zh.png are in {DOCS}")


async def main() -> None:
    await guided()
    await around()


if __name__ == "__main__":
    asyncio.run(main())
