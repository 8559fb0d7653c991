"""What each stage changed in nginx: rendered anew from the log, since rendering is deterministic. Pure."""

from __future__ import annotations

from dataclasses import replace

from bot.engine.targets import backward, forward
from bot.fleet import nginx
from bot.fleet.target import Target
from bot.release.report.evidence import Diffs, Rows
from bot.rollout import events as ev
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan


def nginx_diffs(rows: Rows, rollout: Rollout, plan: Plan) -> Diffs:
    """stage -> host -> unified diff against the stage before; the first against everything on the old version.

    rows: of this rollout alone. A stage that was never in effect, or that the plan no longer has, is left out.
    """
    weights = {e.generation: e.weight for _, e in rows if isinstance(e, ev.ShiftOrdered)}
    stages = {s.name: s for s in plan.stages}
    found: dict[str, dict[str, str]] = {}
    before: Target | None = None
    for _, e in rows:
        if not isinstance(e, ev.ShiftDone) or e.stage not in stages:
            continue
        stage = replace(stages[e.stage], weight=weights.get(e.generation, stages[e.stage].weight))
        target = forward(rollout, plan, stage, e.generation)
        changed = _changed(before or backward(rollout, plan, max(e.generation - 1, 1)), target, plan)
        if any(changed.values()):  # a retry changes nothing more
            found[e.stage] = changed
        before = target
    return found


def _changed(before: Target, after: Target, plan: Plan) -> dict[str, str]:
    try:
        return {h.name: nginx.diff(nginx.render(before, h), nginx.render(after, h)) for h in plan.fleet.hosts}
    except ValueError:  # the plan has changed into one that cannot be written for this rollout
        return {}
