"""The five days of the runbook as a demo types them, and every figure of its report looked up in what was left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.release.report.diffs import nginx_diffs
from bot.release.report.publish import alerts_of
from bot.sandbox.demo.application import Application
from bot.store.sqlite import SqliteStore
from config.settings import check
from tests.e2e.test_demo import complete, demo
from tests.release.report.proof import Log, figures, read, unproven
from tests.release.report.test_figures import text_of

CHECKS = {"code-version", "test-results", "database", "adapters", "prometheus", "disk", "memory", "backup"}


async def test_the_runbook_to_its_last_signature(tmp_path: Path) -> None:
    run = await demo("runbook", "--keep", str(tmp_path))
    complete(run)
    assert run["checks"] == dict.fromkeys(CHECKS, "passed")
    assert set(run["steps"]) == {"start-new", "load-test", "take-old-off"}
    assert run["load_test"] > 20
    assert run["watch_lines"] >= 2
    assert run["signatures"] == 6
    _left_behind(run, tmp_path)
    names = {Path(file).name for file in run["reports"]}
    assert {"report.zh.md", "report.en.md", "report.zh.html", "report.en.html"} <= names
    await _every_figure_is_found(run, tmp_path)


def _left_behind(run: dict[str, Any], root: Path) -> None:
    assert Path(run["backup"]["file"]).stat().st_size == int(run["backup"]["size"])
    assert Application(root / "application").running.read_text() == "2.1.0\n"


async def _every_figure_is_found(run: dict[str, Any], root: Path) -> None:
    settings, problems, _ = check(root / "config", {}, require_slack=False)
    assert settings, problems
    (plan,) = settings.plans.values()
    store = await SqliteStore.open(str(root / "rollout-bot.db"))
    try:
        rows: Any = await store.events(plan.service)
        measured = await store.measurements(run["rollout"])
        rollout = await store.rollout(run["rollout"])
        alerts = await alerts_of(run["rollout"], store)
    finally:
        await store.close()
    assert rollout
    diffs = nginx_diffs(rows, rollout, plan)
    log = Log(rows, measured, plan, settings.timezone, alerts, diffs, settings.people.names)
    for lang in ("zh", "en"):
        page = (root / f"report.{lang}.html").read_text()
        assert unproven(page, log) == []
        assert figures(text_of((root / f"report.{lang}.md").read_text())) == figures("\n".join(read(page).whole))
        assert "data:image/png;base64," in page


pytestmark = pytest.mark.long
