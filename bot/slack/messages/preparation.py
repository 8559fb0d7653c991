"""The one message about what comes before the first asking: what runs, what failed, what is still to tick. Pure."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from bot.rollout.deciding.work import groups
from bot.rollout.model import Hold, Status
from bot.rollout.runbook import ChecklistItem, Phase
from bot.rollout.work import WorkRef
from bot.slack.messages import pieces
from bot.slack.messages.around import irreversible
from bot.slack.messages.blocks import Block, actions, button, header, lines, section
from bot.slack.messages.headline import mend
from bot.slack.messages.markup import USER, Mrkdwn, clean, code, mention, outside
from bot.slack.messages.scene import Scene

MOST_ITEMS, MOST_LINES = 20, 30
KINDS = {"backup": "backups", "check": "checks", "baseline": "baseline", "step": "steps"}


def preparation(s: Scene) -> Outgoing:
    standing = _standing(s)
    facts = {"service": Mrkdwn(clean(s.r.service, 40)), "version": Mrkdwn(clean(s.r.version, 30))}
    said = pieces.counts(s)
    blocks: list[Block] = [header(s.say(f"prepare.header.{standing}", **facts)), section(said)]
    open_ = standing in ("open", "failed")
    if open_:
        blocks += [lines(_what_next(s)), *actions(_again(s))]
    if open_ and s.plan.runbook.irreversible:
        blocks.append(section(irreversible(s)))
    blocks += _work(s)
    blocks += _checklist(s, open_)
    what = Mrkdwn(f"{outside(s.r.service, 60)} {s.change()}")
    alone = s.say("prepare.text", what=what, counts=said)
    return Outgoing(Mrkdwn(alone.replace("*", "")), tuple(blocks))


def _standing(s: Scene) -> str:
    """open | failed | done | over."""
    if s.r.approval is not None or s.r.touched:
        return "done"
    if not s.r.active:
        return "over"
    return "failed" if s.r.status is Status.HELD else "open"


def _what_next(s: Scene) -> list[Mrkdwn]:
    if s.r.status is Status.HELD and s.r.hold is not None:
        return [s.say("obstacle.mend", mend=mend(s, s.r.hold, s.r.hold_detail))]
    if s.r.paused_by:
        return [s.say("prepare.paused", by=s.w.who(s.r.paused_by), command=s.command("resume"))]
    left, every = pieces.unticked(s), pieces.before_start(s)
    waits = left and pieces.over(s, every) == len(every)
    return [s.say("prepare.waits", items=left) if waits else s.say("prepare.runs")]


def _again(s: Scene) -> list[Block]:
    held = s.r.status is Status.HELD and s.r.hold in (Hold.PREPARATION_FAILED, Hold.STEP_FAILED)
    if not held or s.r.paused_by:
        return []
    return [button(s.say("button.retry.work"), "rollout.retry", f"{s.r.service}|{s.r.id}", "primary")]


def _work(s: Scene) -> list[Block]:
    """A section for each kind of work, a line for each piece."""
    blocks: list[Block] = []
    for kind, title in KINDS.items():
        refs = _of_kind(s, kind)
        if not refs:
            continue
        rows = [pieces.line(s, ref) for ref in refs[:MOST_LINES]]
        if len(refs) > MOST_LINES:
            rows.append(s.say("cut.parts", n=len(refs) - MOST_LINES))
        blocks.append(lines([s.say(f"prepare.{title}"), *rows]))
    return blocks


def _of_kind(s: Scene, kind: str) -> list[WorkRef]:
    phase = Phase.BEFORE_START if kind == "step" else Phase.PREPARE
    return [ref for group in groups(s.plan, phase) for ref in group if ref.kind == kind]


def _checklist(s: Scene, open_: bool) -> list[Block]:
    """A row with its button for each item; without buttons once nothing can be ticked any more."""
    items = s.plan.runbook.checklist
    if not items:
        return []
    title = s.say("prepare.checklist")
    if not open_:
        return [lines([title, *(_item(s, item) for item in items[:MOST_LINES])])]
    blocks = [section(title)]
    for item in items[:MOST_ITEMS]:
        blocks.append({**section(_item(s, item)), "accessory": _button(s, item)})
    if len(items) > MOST_ITEMS:
        command = s.command("tick", " ITEM")
        blocks.append(section(s.say("prepare.items.typed", n=len(items) - MOST_ITEMS, command=command)))
    return blocks


def _item(s: Scene, item: ChecklistItem) -> Mrkdwn:
    tick = next((t for t in s.r.ticks if t.item == item.name), None)
    title = outside(item.title or item.name, 200) or Mrkdwn("–")
    if tick:
        return s.say("prepare.item.done", title=title, by=s.w.who(tick.by), at=s.w.moment(tick.at))
    return s.say("prepare.item.open", title=title, owner=owner(s, item.owner))


def owner(s: Scene, name: str) -> Mrkdwn:
    """A person, or the people who have the role."""
    return mention(name) if USER.fullmatch(name) else s.w.holders((name,)) or code(name, 60)


def _button(s: Scene, item: ChecklistItem) -> Block:
    """What the press carries: `service|rollout id|item`."""
    ticked = any(t.item == item.name for t in s.r.ticks)
    value = f"{s.r.service}|{s.r.id}|{item.name}"
    if ticked:
        return button(s.say("button.item.undo"), "checklist.undo", value)
    return button(s.say("button.item.done"), "checklist.done", value, "primary")
