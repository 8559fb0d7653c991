"""What was done before any traffic: checks, backups, the checklist, steps. Pure."""

from __future__ import annotations

from bot.release.report import work
from bot.release.report.evidence import Evidence
from bot.release.report.model import Block, Para, Section, Text
from bot.release.report.model import term as t
from bot.rollout import events as ev
from bot.rollout.model import Hold
from bot.rollout.runbook import Phase


def section(e: Evidence) -> Section:
    blocks: list[Block] = []
    for seq, held in e.of(ev.StageHeld):
        if held.hold is Hold.PREPARATION_FAILED:
            blocks.append(Para(t("preparation.held", "warn", detail=Text(held.detail, (seq,))), "note"))
    blocks += work.headed("head.checks", work.checks(e, e.done(Phase.PREPARE, kind="check")))
    blocks += work.headed("head.backups", work.backups(e, e.done(Phase.PREPARE, kind="backup")))
    blocks += work.checklist(e)
    blocks += work.headed("head.steps.before", work.steps(e, work.of_phases(e, Phase.BEFORE_START)))
    return Section("preparation", tuple(blocks) or (Para(t("none.preparation")),))
