"""From the store to the files that are posted: the report in both languages, as Markdown and as HTML with charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from bot.alerts.events import AlertsFired, AlertsResolved
from bot.alerts.model import STREAM, Alert
from bot.engine.ports import Final, Retryable, Store
from bot.release.charts.course import course
from bot.release.charts.model import Chart
from bot.release.charts.picture import draw
from bot.release.report.as_html import html
from bot.release.report.as_markdown import markdown
from bot.release.report.build import CHART, build, digest
from bot.release.report.diffs import nginx_diffs
from bot.release.report.evidence import Rows, gather, of_rollout
from bot.release.report.words import Speech
from bot.rollout.plan import Plan
from bot.slack.messages.words import Lang

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

    A chart that cannot be drawn is said in its place; it does not hold the report up. Raises NotStarted, and what the
    store raises.
    """
    rows = cast(Rows, await store.events(plan.service))
    measurements = await store.measurements(rollout)
    alerts = await alerts_of(rollout, store)
    e = gather(rows, rollout, measurements, plan, {}, alerts, now)
    diffs = nginx_diffs(e.rows, e.rollout, plan)
    report = build(rows, measurements, plan, names, now, zone, rollout=rollout, diffs=diffs, alerts=alerts)
    chart = course(e.rows, measurements, plan, alerts, zone)
    files = []
    for lang in LANGUAGES:
        title = Speech(lang, report).plain(report.title)
        charts = {CHART: await _drawn(chart, lang)} if chart else {}
        files.append(File(f"report.{lang}.md", title, markdown(report, lang).encode()))
        files.append(File(f"report.{lang}.html", title, html(report, lang, charts).encode()))
    return Published(digest(report), tuple(files))


async def draw_course(rollout: str, store: Store, plan: Plan, zone: str, lang: Lang) -> bytes | None:
    """The chart of a rollout so far, as PNG; None before anything was measured. Raises Retryable, Final, NotStarted."""
    rows = of_rollout(cast(Rows, await store.events(plan.service)), rollout)
    chart = course(rows, await store.measurements(rollout), plan, await alerts_of(rollout, store), zone)
    return await draw(chart, lang) if chart else None


async def alerts_of(rollout: str, store: Store) -> tuple[Alert, ...]:
    """Those that fired on its service while it was under way, from the log of alerts; oldest first."""
    firing: dict[str, Alert] = {}
    over: list[Alert] = []
    for _, event in await store.events(STREAM):
        if isinstance(event, AlertsFired):
            firing |= {a.fingerprint: a for a in event.alerts if a.rollout == rollout}
        elif isinstance(event, AlertsResolved):
            ended: Sequence[Alert] = [firing.pop(f) for f, _ in event.resolved if f in firing]
            over += [replace(a, resolved_at=event.at) for a in ended]
    return tuple(sorted([*over, *firing.values()], key=lambda a: (a.started_at, a.fingerprint)))


async def _drawn(chart: Chart, lang: Lang) -> bytes | str:
    """The picture, or the sentence why there is none."""
    try:
        return await draw(chart, lang)
    except (Retryable, Final) as error:
        return str(error)
