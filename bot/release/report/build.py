"""build(): from the log, the measurements and the plan to the report. Pure, at any time of a rollout's life."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from bot.alerts.model import Alert
from bot.engine.ports.records import Measurement
from bot.release.report import back, closing, figures, overview, preparation, stages, timeline
from bot.release.report.evidence import Diffs, Evidence, Rows, gather
from bot.release.report.model import Block, Para, Picture, Report, Section, Table
from bot.release.report.model import term as t
from bot.rollout.plan import Plan

BRISK = 2 * 3600.0  # seconds
CHART = "course"  # the picture of share, error rate and latency over the whole rollout


def build(
    events: Rows,
    measurements: Sequence[Measurement],
    plan: Plan,
    names: Mapping[str, str],
    now: float,
    timezone: str,
    *,
    rollout: str = "",
    diffs: Diffs | None = None,
    alerts: Sequence[Alert] = (),
) -> Report:
    """The report of a rollout; "" = the last that these events start. Raises NotStarted where there is none.

    events: (seq, event) of the service's stream, of one rollout or of many. names: user id -> name. diffs: stage ->
    host -> the change of its nginx file. timezone: an IANA name. now: Unix seconds.
    """
    e = gather(events, rollout, measurements, plan, diffs or {}, alerts, now)
    return Report(
        rollout=e.rollout.id,
        title=overview.title(e),
        outcome=overview.outcome(e),
        sections=_sections(e),
        built_at=now,
        zone=timezone,
        names=tuple(sorted(names.items())),
        brisk=e.rows[-1][1].at - e.started.at < BRISK,
    )


def _sections(e: Evidence) -> tuple[Section, ...]:
    return (
        overview.section(e),
        preparation.section(e),
        stages.section(e),
        _charts(e),
        back.section(e),
        closing.watch(e),
        closing.alerts(e),
        stages.summary(e),
        figures.section(e),
        closing.notes(e),
        closing.follow_ups(e),
        closing.sign_off(e),
        closing.review(e),
        timeline.section(e),
        timeline.afterwards(e),
    )


def _charts(e: Evidence) -> Section:
    if not any(m.value is not None for m in e.measurements):
        return Section("charts", (Para(t("none.charts")),), live=True)
    return Section("charts", (Picture(CHART, t("chart.caption")),), live=True)


def digest(report: Report) -> str:
    """SHA-256, in hexadecimal, of what is signed.

    That is the content without who signed, what was done of the follow-ups, the names people go by, and when it was
    built.

    Nor do the pictures count: they are drawn from measurements, which are not kept for ever.
    """
    content = [(s.key, tuple(_signed(b) for b in s.blocks)) for s in report.sections if not s.live]
    return hashlib.sha256(repr((report.rollout, report.title, content)).encode()).hexdigest()


def _signed(block: Block) -> Block:
    if not isinstance(block, Table) or not block.live:
        return block
    kept = [i for i in range(len(block.head)) if i not in block.live]
    rows = tuple(tuple(row[i] for i in kept) for row in block.rows)
    return Table(tuple(block.head[i] for i in kept), rows)
