"""From a store to files: all in it is read, a missing picture holds nothing up, the shell's verb says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.alerts.events import AlertsFired, AlertsResolved
from bot.alerts.model import STREAM, Alert
from bot.engine.ports.errors import Final
from bot.engine.ports.records import Commit
from bot.engine.ports.store import Store
from bot.release.charts.model import Chart
from bot.release.report import publish
from bot.reporting import write_report
from bot.rollout.events import NoteAdded
from bot.store.memory import MemoryStore
from bot.store.sqlite import SqliteStore
from config.settings import Settings, check
from tests.release.report.kit import log_of, sample
from tests.release.report.proof import unproven
from tests.release.report.sample_log import Sample
from tests.release.report.sample_plan import ID, NAMES, PLAN, ZONE

CONFIG = Path(__file__).parents[3] / "config"


async def keep(store: Store, s: Sample, after: int = 0) -> None:
    events = tuple(e for _, e in s.rows)
    await store.commit(
        Commit(
            "brand-diagnosis",
            after,
            s.at,
            events=events,
            measurements=tuple(s.measurements),
            rollout=s.state.rollout,
        )
    )
    fired = tuple(AlertsFired((a,), (), a.started_at) for a in s.alerts)
    over = tuple(AlertsResolved(((a.fingerprint, "over"),), a.resolved_at) for a in s.alerts if a.resolved_at)
    await store.commit(Commit(STREAM, after, s.at, events=(*fired, *over)))


async def test_the_files_say_what_the_store_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "available", lambda: False)

    async def broken(chart: Chart, lang: str) -> bytes:
        raise Final("there is no matplotlib")

    monkeypatch.setattr(publish, "draw", broken)
    s = sample("steady")
    store = MemoryStore()
    await keep(store, s)
    published = await publish.publish_files(ID, store, PLAN, NAMES, s.at + 100, ZONE)
    assert [f.name for f in published.files] == ["report.zh.md", "report.zh.html", "report.en.md", "report.en.html"]
    pages = {f.name: f.content.decode() for f in published.files}
    assert "could not be drawn here: there is no matplotlib" in pages["report.en.html"]
    for name in ("report.zh.html", "report.en.html"):
        assert unproven(pages[name], log_of(s)) == []
    assert "BrandDiagnosisSlowQueries" in pages["report.zh.md"]
    assert len(published.digest) == 64


async def test_a_log_of_years_is_read_from_the_rollout_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "available", lambda: False)
    s = sample("steady")
    alone, after_years = MemoryStore(), MemoryStore()
    await keep(alone, s)
    began = s.state.rollout.started_at  # type: ignore[union-attr]
    earlier = Alert("old", "rules", "Old", "warning", (), (), began - 1e7, rollout="ROLLOUT-20200101-1")
    for n in range(3):
        at = began - 1e6 + n
        await after_years.commit(Commit("brand-diagnosis", n, at, events=(NoteAdded("U1", f"note {n}", "?", at),)))
        await after_years.commit(Commit(STREAM, n, at, events=(AlertsFired((earlier,), (), at),)))
    await keep(after_years, s, 3)
    read: list[int] = []
    events = after_years.events

    async def counted(stream: str, after: int = 0) -> object:
        read.append(after)
        return await events(stream, after)

    monkeypatch.setattr(after_years, "events", counted)
    first, second = [await publish.publish_files(ID, store, PLAN, NAMES, s.at, ZONE) for store in (alone, after_years)]
    assert read == [3, 3]
    assert len(first.files) == len(second.files)
    assert await publish.alerts_of(ID, alone) == await publish.alerts_of(ID, after_years)


async def test_a_pdf_goes_along_where_there_is_a_library_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pages: list[str] = []

    async def printed(page: str) -> bytes:
        pages.append(page)
        if 'lang="en"' in page:
            raise Final("a font is missing")
        return b"%PDF-1.7"

    monkeypatch.setattr(publish, "available", lambda: True)
    monkeypatch.setattr(publish, "pdf", printed)
    s, store = sample("begun"), MemoryStore()
    await keep(store, s)
    names = [f.name for f in (await publish.publish_files(ID, store, PLAN, NAMES, s.at, ZONE)).files]
    assert names == ["report.zh.md", "report.zh.html", "report.zh.pdf", "report.en.md", "report.en.html"]
    assert len(pages) == 2


@pytest.fixture
def shipped(tmp_path: Path) -> Settings:
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/bot.db"}
    settings, problems, _ = check(CONFIG, environ, require_slack=False)
    assert settings is not None, problems
    return settings


async def test_the_verb_writes_the_files_beside_a_running_bot(
    shipped: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "available", lambda: False)
    running = await SqliteStore.open(tmp_path / "bot.db")
    try:
        s = sample("running")
        await keep(running, s)
        ok, text = await write_report(shipped, ID, tmp_path / "out")
        assert ok, text
        assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
            "report.en.html",
            "report.en.md",
            "report.zh.html",
            "report.zh.md",
        ]
        assert "data:image/png;base64,iVBOR" in (tmp_path / "out" / "report.zh.html").read_text("utf-8")
        again = await write_report(shipped, "ROLLOUT-20260302-9", tmp_path / "out")
        assert again == (False, f"ROLLOUT-20260302-9: no such rollout; the newest are {ID}")
        (tmp_path / "file").write_text("")
        ok, text = await write_report(shipped, ID, tmp_path / "file")
        assert not ok and "--out" in text
    finally:
        await running.close()


async def test_without_a_database_the_verb_says_so(shipped: Settings, tmp_path: Path) -> None:
    ok, text = await write_report(shipped, ID, tmp_path / "out")
    assert not ok and "DATABASE_URL" in text
    assert not (tmp_path / "out").exists()
