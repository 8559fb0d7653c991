"""Ten minutes of the demo with its load, rollout after rollout, and a browser on the page all the while."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import CDPSession, Page, expect

from bot.sandbox.demo.stand import Stand
from tests.browser.kit import PACE, PATIENCE, act_as, approve, browser

MINUTES = float(os.environ.get("ROLLOUT_MINUTES", "10"))
WARM = 0.3  # of the time, until what is needed once is there
GROWTH = 1.25  # of memory, from then to the end
SLACK_MB = 25.0  # what an allocator may keep besides


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measure(stand: Stand, cdp: CDPSession) -> dict[str, float]:
    """MB of the stand (this process), the bot and the page's own objects; the page's nodes."""
    assert stand.bot
    await cdp.send("HeapProfiler.collectGarbage")
    found = {m["name"]: float(m["value"]) for m in (await cdp.send("Performance.getMetrics"))["metrics"]}
    return {
        "stand": resident_mb(os.getpid()),
        "bot": resident_mb(stand.bot.pid),
        "page": found["JSHeapUsedSize"] / 1e6,
        "nodes": found["Nodes"] / 1000,
    }


async def one_rollout(page: Page) -> float:
    """Started, approved, broken, saved by its triggers; the seconds until the page showed the answer to the command."""
    await act_as(page, "lin")
    box = page.get_by_role("combobox", name="Message", exact=True)
    answer = page.locator("article.ephemeral").filter(has_text="has started. The card is in the channel").last
    before = await answer.get_attribute("data-ts") if await answer.count() else ""
    began = time.monotonic()
    await box.fill("/rollout start brand-diagnosis 2.1.0 again")
    await box.press("Escape")
    await box.press("Enter")
    await expect(answer).not_to_have_attribute("data-ts", before or "", timeout=PATIENCE)
    took = time.monotonic() - began
    await act_as(page, "wang")
    await approve(page, "internal")
    await expect(page.locator("[data-host=lb-1]")).to_contain_text("internal users", timeout=PATIENCE)
    dial = page.get_by_label("Errors", exact=True)
    await dial.focus()
    await dial.press("End")
    await expect(page.locator("[data-host=lb-1]")).not_to_contain_text("internal users", timeout=PATIENCE)
    await dial.press("Home")
    await act_as(page, "lin")
    return took


@pytest.mark.long
async def test_memory_is_steady_and_the_page_answers(tmp_path: Path) -> None:
    wide: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
    async with Stand(tmp_path / "stand", pace=PACE) as stand, browser(stand, **wide) as page:
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("Performance.enable")
        began, warm, took = time.monotonic(), None, []
        while (passed := (time.monotonic() - began) / 60) < MINUTES:
            if warm is None and passed > WARM * MINUTES:
                warm = await measure(stand, cdp)
            took.append(await one_rollout(page))
        end = await measure(stand, cdp)
    assert warm is not None
    print(f"\n{len(took)} rollouts; answers {statistics.median(took):.2f} s in the middle, {max(took):.2f} s at most")
    for name, before in warm.items():
        print(f"{name}: {before:.1f} -> {end[name]:.1f}")
    grown = {name: (before, end[name]) for name, before in warm.items() if end[name] > GROWTH * before + SLACK_MB}
    assert not grown
