"""The pictures of the README, taken in the walk of the browser tests: `make shots`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bot.sandbox.demo.stand import Stand
from tests.browser.kit import PACE, browser, step_done, walk

DOCS = Path(__file__).parents[2] / "docs"


async def main() -> None:
    wide = {"width": 1440, "height": 900}
    with tempfile.TemporaryDirectory(prefix="rollout-shots-") as folder:
        stand = Stand(Path(folder) / "stand", pace=PACE, say=print)
        async with stand, browser(stand, viewport=wide) as page:
            await walk(page)
            await page.screenshot(path=DOCS / "demo.png")
            dial = page.get_by_label("Errors", exact=True)
            await dial.focus()
            await dial.press("End")
            await step_done(page, "saved")
            await page.screenshot(path=DOCS / "demo-saved.png")
    print(f"demo.png and demo-saved.png are in {DOCS}")


if __name__ == "__main__":
    asyncio.run(main())
