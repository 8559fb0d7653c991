"""From the store to the files that are posted: the report in both languages, as Markdown and as HTML with charts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import structlog

from bot.alerts.events import AlertsFired, AlertsResolved
from bot.alerts.model import STREAM, Alert
from bot.engine.ports.errors import Final, Retryable
from bot.engine.ports.records import LogEvent
from bot.engine.ports.store import Store
from bot.release.charts.course import course
from bot.release.charts.model import Chart
from bot.release.charts.picture import draw
from bot.release.charts.readings import Readings, read
from bot.release.report.as_html import html
from bot.release.report.as_markdown import markdown
from bot.release.report.as_pdf import available, pdf
from bot.release.report.build import CHART, build, digest
from bot.release.report.diffs import nginx_diffs
from bot.release.report.evidence import Rows, gather, of_rollout
from bot.release.report.words import Speech
from bot.rollout.events import ShiftDone, WaveDone
from bot.rollout.plan import Plan
from bot.slack.messages.words import Lang
from bot.translation import translated

log = structlog.get_logger()
SET_BACK = 86400.0  # seconds, at most, that a clock may have been set back while the rollout was under way
LANGUAGES: tuple[Lang, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class File:
    """name: as on disk, `report.zh.html`. title: for people."""

    name: str
    title: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Published:
    """digest: what a signature is bound to."""

    digest: str
    files: tuple[File, ...]


async def publish_files(
    rollout: str, store: Store, plan: Plan, names: Mapping[str, str], now: float, zone: str
) -> Published:
    """The files of one rollout as it is now. names: user id -> name. zone: an IANA name. now: Unix seconds.

    A chart that cannot be drawn is said in its place; it does not hold the report up, nor does a PDF, which is made
    where there is a library for it. Raises NotStarted, and what the store raises.
    """
    rows = cast(Rows, await _since_it_began(rollout, plan.service, store))
    readings = await readings_of(rollout, rows, store, plan)
    alerts = await alerts_of(rollout, store)
    last = [m for reading in readings for m in reading.last]
    e = gather(rows, rollout, last, plan, {}, alerts, now)
    diffs = nginx_diffs(e.rows, e.rollout, plan)
    made = partial(build, rows, last, plan, names, now, zone, rollout=rollout, diffs=diffs, alerts=alerts)
    report = await asyncio.to_thread(made)  # what takes long is done beside the event loop
    chart = course(e.rows, readings, plan, alerts, zone)
    files: list[File] = []
    for lang in LANGUAGES:
        title = Speech(lang, report).plain(report.title)
        charts = {CHART: await _drawn(chart, lang)} if chart else {}
        page = await asyncio.to_thread(html, report, lang, charts)
        files.append(File(f"report.{lang}.md", title, (await asyncio.to_thread(markdown, report, lang)).encode()))
        files.append(File(f"report.{lang}.html", title, page.encode()))
        files += await _printed(page, lang, title)
    return Published(digest(report), tuple(files))


async def draw_course(rollout: str, store: Store, plan: Plan, zone: str, lang: Lang) -> bytes | None:
    """The chart of a rollout so far, as PNG; None before anything was measured. Raises Retryable, Final, NotStarted."""
    rows = of_rollout(cast(Rows, await _since_it_began(rollout, plan.service, store)), rollout)
    readings = await readings_of(rollout, rows, store, plan)
    chart = course(rows, readings, plan, await alerts_of(rollout, store), zone)
    return await draw(chart, lang) if chart else None


async def _since_it_began(rollout: str, stream: str, store: Store) -> tuple[tuple[int, LogEvent], ...]:
    """Without what came before the rollout: a log grows for years, and each of its events has to be decoded."""
    known = await store.rollout(rollout)
    after = await store.last_before(stream, known.started_at - SET_BACK) if known else 0
    return await store.events(stream, after)


async def readings_of(rollout: str, rows: Rows, store: Store, plan: Plan) -> tuple[Readings, ...]:
    """One a stage that was in effect: its rows are read, looked at beside the event loop, and let go of."""
    stages = dict.fromkeys(e.stage for _, e in rows if isinstance(e, (ShiftDone, WaveDone)))
    found = [await asyncio.to_thread(read, await store.measurements(rollout, stage), plan) for stage in stages]
    return tuple(found)


async def alerts_of(rollout: str, store: Store) -> tuple[Alert, ...]:
    """Those that fired on its service while it was under way, from the log of alerts; oldest first."""
    firing: dict[str, Alert] = {}
    over: list[Alert] = []
    for _, event in await _since_it_began(rollout, STREAM, store):
        if isinstance(event, AlertsFired):
            firing |= {a.fingerprint: a for a in event.alerts if a.rollout == rollout}
        elif isinstance(event, AlertsResolved):
            ended: Sequence[Alert] = [firing.pop(f) for f, _ in event.resolved if f in firing]
            over += [replace(a, resolved_at=event.at) for a in ended]
    return tuple(sorted([*over, *firing.values()], key=lambda a: (a.started_at, a.fingerprint)))


async def _printed(page: str, lang: Lang, title: str) -> list[File]:
    if not available():
        return []
    try:
        return [File(f"report.{lang}.pdf", title, await pdf(page))]
    except (Retryable, Final) as error:
        log.warning("no PDF of the report", error=str(error))
        return []


async def _drawn(chart: Chart, lang: Lang) -> bytes | str:
    """The picture, or the sentence why there is none."""
    try:
        return await draw(chart, lang)
    except (Retryable, Final) as error:
        return translated(str(error), lang)
