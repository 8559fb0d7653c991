"""`stages:` and `approval:` of a plan: how far, for how long, judged by what, let through by whom."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from bot.rollout.plan import ApprovalRule, Condition, OnVerdict, Stage
from config.durations import format_duration
from config.people import People
from config.plan_metrics import Units, build_condition
from config.plan_schema import ApprovalModel, StageModel
from config.problems import show, suggest
from config.report import Report
from config.yaml_source import Path_

_NAME: Final = re.compile(r"\w[\w.%+-]{0,39}")
_EMOJI: Final = re.compile(r"[a-z0-9_+'-]{1,100}|[^\x00-\x7f\s:]{1,60}")
# Slack reports a reaction by its first name, whichever one was typed.
_CANONICAL: Final = {"thumbsup": "+1", "thumbsdown": "-1"}
_MAX_BAKE: Final = 30 * 24 * 3600.0
_MAX_EXPIRES: Final = 7 * 24 * 3600.0


def build_roles(path: Path_, names: list[str] | None, people: People | None, report: Report) -> tuple[str, ...]:
    """Roles, each once, each known in people.yaml (not asked when `people` is None, its file being broken)."""
    for index, name in enumerate(names or []):
        if people is not None and name not in people.roles:
            mend = f"{suggest(name, people.roles)} Roles are defined in people.yaml"
            report.problem((*path, index), f"{show(name)} is not a role", mend)
    return tuple(dict.fromkeys(names or []))


def build_approval(
    path: Path_, model: ApprovalModel | None, base: ApprovalRule, people: People | None, report: Report
) -> ApprovalRule:
    """The rule at `path` over `base`: keys that are not written are the base's."""
    if model is None:
        return base
    rule = ApprovalRule(
        emoji=build_emoji((*path, "emoji"), model.emoji, base.emoji, report),
        veto=build_emoji((*path, "veto"), model.veto, base.veto, report),
        quorum=base.quorum if model.quorum is None else model.quorum,
        roles=base.roles if model.roles is None else build_roles((*path, "from"), model.roles, people, report),
        expires=base.expires if model.expires is None else model.expires,
    )
    if rule.emoji == rule.veto:
        mend = "choose two, as in emoji: white_check_mark, veto: x"
        report.problem((*path, "veto"), f"approval and veto are the same emoji, {show(rule.emoji)}", mend)
    if not 60 <= rule.expires <= _MAX_EXPIRES:
        what = f"expires {format_duration(rule.expires)} is out of range"
        report.problem((*path, "expires"), what, "write 1m to 168h, as in 4h")
    if not rule.roles and not report.damaged((*path, "from")):
        report.problem(path, "nobody may approve", "add from: [release-managers], roles of people.yaml")
    _quorum(path, rule, people, report)
    return rule


def _quorum(path: Path_, rule: ApprovalRule, people: People | None, report: Report) -> None:
    at = (*path, "quorum")
    if not 1 <= rule.quorum <= 20:
        report.problem(at, f"quorum {rule.quorum} is out of range", "write 1 to 20")
        return
    roles = [people.roles[name] for name in rule.roles if people and name in people.roles]
    if people is None or len(roles) < len(rule.roles) or not roles or any(role.groups for role in roles):
        return  # how many a Slack group has is not known here
    members = frozenset[str]().union(*(role.users for role in roles))
    if rule.quorum > len(members):
        what = f"quorum {rule.quorum} can never be reached: {', '.join(rule.roles)} has {len(members)} people"
        report.problem(at, what, f"lower it to {len(members)} or add people or a group in people.yaml")
    elif rule.quorum == len(members):
        what = f"quorum {rule.quorum} needs everybody in {', '.join(rule.roles)}: whoever of them starts cannot approve"
        report.warn(at, what, "add people or a group in people.yaml")


def build_emoji(path: Path_, name: str | None, base: str, report: Report) -> str:
    """The name as Slack reports it in a reaction; `base` where none is written."""
    if name is None:
        return base
    bare = re.sub(r":skin-tone-[2-6]:?|::.*", "", name).strip(":")
    if bare != name:
        extra = "a skin tone" if "skin-tone" in name else "colons"
        report.problem(path, f"{path[-1]}: {show(name)} has {extra}", f"write {bare or 'white_check_mark'}")
    elif not _EMOJI.fullmatch(name):
        mend = "use the name Slack shows when you hover over it, without colons: white_check_mark"
        report.problem(path, f"{path[-1]}: {show(name)} is not an emoji's name", mend)
    elif not name.isascii():
        report.problem(path, f"{path[-1]}: {show(name)} is a picture, not a name", "write its name: white_check_mark")
    return _CANONICAL.get(bare, bare)


def build_stages(
    models: list[StageModel] | None,
    units: Units,
    approval: ApprovalRule,
    people: People | None,
    report: Report,
    *,
    flips: bool = False,
) -> tuple[Stage, ...]:
    """Stages in the file's order. Defaults: max_bake 2 x bake, min_samples 100, min_readings 3, hold.

    flips: strategy blue_green, which knows weights of 0 and 100 only.
    """
    at: Path_ = ("stages",)
    if models == [] and not report.damaged(at):
        report.problem(at, "there are no stages", "add at least one that ends at weight: 100")
    stages = tuple(
        _stage((*at, index), model, units, approval, people, report) for index, model in enumerate(models or [])
    )
    _weights(models or [], report, flips)
    seen: set[str] = set()
    for index, stage in enumerate(stages):
        if stage.name and stage.name.lower() in seen:
            report.problem((*at, index, "name"), f"two stages are named {show(stage.name)}", "give each its own name")
        seen.add(stage.name.lower())
    return stages


def _stage(
    at: Path_, model: StageModel, units: Units, approval: ApprovalRule, people: People | None, report: Report
) -> Stage:
    mends = {"name": 'add name: "10%"', "bake": "add bake: 24h"}
    report.need(at, {"name": model.name, "bake": model.bake}, mends)
    if model.name is not None and not _NAME.fullmatch(model.name):
        mend = "use letters, digits, . _ % + and -, 40 at most, no blanks"
        report.problem((*at, "name"), f"{show(model.name)} is not a stage's name", mend)
    bake = 0.0 if model.bake is None else model.bake
    max_bake = 2 * bake if model.max_bake is None else model.max_bake
    if model.bake is not None:
        _bake(at, bake, max_bake, report)
    min_samples = 100 if model.min_samples is None else model.min_samples
    if min_samples < 1:
        report.problem((*at, "min_samples"), f"min_samples {min_samples}: no data would pass", "write 1 or more")
    min_readings = 3 if model.min_readings is None else model.min_readings
    if min_readings < 1:
        report.problem((*at, "min_readings"), f"min_readings {min_readings}: no data would pass", "write 1 or more")
    return Stage(
        name=model.name or "",
        bake=bake,
        max_bake=max_bake,
        gates=_gates(at, model.gates, units, report),
        approval=build_approval((*at, "approval"), model.approval, approval, people, report),
        audience=model.audience,
        weight=float(model.weight or 0),
        min_samples=min_samples,
        min_readings=min_readings,
        on_fail=OnVerdict(model.on_fail or "hold"),
        on_not_enough_data=OnVerdict(model.on_not_enough_data or "hold"),
        on_blind=OnVerdict(model.on_blind or "hold"),
    )


def _bake(at: Path_, bake: float, max_bake: float, report: Report) -> None:
    if not 0 < bake <= _MAX_BAKE:
        report.problem((*at, "bake"), f"bake {format_duration(bake)} is out of range", "write more than 0, 30d at most")
    elif max_bake < bake:
        what = f"max_bake {format_duration(max_bake)} is shorter than bake {format_duration(bake)}"
        report.problem(
            (*at, "max_bake"), what, f"write {format_duration(bake)} or more, or remove it for twice the bake"
        )


def _gates(at: Path_, texts: list[str] | None, units: Units, report: Report) -> tuple[Condition, ...]:
    path = (*at, "gates")
    if not texts:
        if not report.damaged(path):
            mend = "add gates: [error_rate < 5%]"
            report.problem(path, "the stage has no gates: it would pass on nothing measured", mend)
        return ()
    result: list[Condition] = []
    for index, text in enumerate(texts):
        found = build_condition((*path, index), text, units, report)
        if found is None:
            continue
        if found in result:
            report.problem((*path, index), f"the gate {show(found.text)} is there twice", "keep one of the two")
        result.append(found)
    return tuple(result)


def _weights(models: list[StageModel], report: Report, flips: bool) -> None:
    """Who gets the canary only grows, first the audience, at the end everybody."""
    before = Decimal(0)
    for index, model in enumerate(models):
        at: Path_ = ("stages", index)
        weight = model.weight
        if model.audience is not None:
            if weight:
                report.problem((*at, "weight"), "a stage with an audience has a weight too", "make two stages of it")
            if index:
                mend = "move it to the front: a later stage would take the canary away from everybody else"
                report.problem((*at, "audience"), "only the first stage may have an audience", mend)
            continue
        if weight is None:
            if not report.damaged((*at, "weight")) and not report.damaged((*at, "audience")):
                report.problem(at, "the stage says not who gets the canary", "add weight: 10 or audience: internal")
            continue
        exponent = weight.normalize().as_tuple().exponent
        if flips and (not index and weight == 0):
            continue
        if flips and weight not in (0, 100):
            mend = "write 0 (the first stage) or 100, or use strategy: sticky"
            report.problem((*at, "weight"), f"blue_green flips everybody at once: weight {weight} has no place", mend)
        elif not 0 < weight <= 100:
            report.problem((*at, "weight"), f"weight {weight} is impossible", "write more than 0, 100 at most")
        elif isinstance(exponent, int) and exponent < -2:
            mend = f"nginx splits to a hundredth of a percent: write {round(weight, 2)}"
            report.problem((*at, "weight"), f"weight {weight} has more than two decimals", mend)
        elif weight <= before:
            mend = f"write more than {before}, or reorder the stages: the canary's share only grows"
            report.problem((*at, "weight"), f"weight {weight} is not more than the stage before it ({before})", mend)
        before = max(before, weight)
        _name_says(at, model, weight, report)
    if models and models[-1].weight != 100 and not report.damaged(("stages", len(models) - 1, "weight")):
        if report.damaged(("stages",)):
            return
        report.problem(("stages", len(models) - 1), "the last stage is not 100 %", "end with a stage of weight: 100")


def _name_says(at: Path_, model: StageModel, weight: Decimal, report: Report) -> None:
    """A stage called 10% that gives 50 would be approved for what it says."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", model.name or "")
    if match and Decimal(match[1]) != weight:
        what = f"the stage is named {show(model.name)} and gives {weight} %"
        report.problem((*at, "weight"), what, f"write weight: {match[1]} or rename the stage")
