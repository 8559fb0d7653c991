"""What a rollout would do, and how the nginx files would change. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot.engine.ports.rendered import Outgoing
from bot.rollout.plan import Stage
from bot.slack.messages.blocks import Block, context, divider, header, lines, section
from bot.slack.messages.limits import SECTION
from bot.slack.messages.markup import Mrkdwn, clean, code, codes, fence, outside
from bot.slack.messages.scene import Scene
from bot.slack.messages.table import label
from bot.slack.messages.words import Words
from bot.translation import translated

MOST_STAGES = 12
MOST_DIFFS = 6
BUDGET = 7000  # characters of diff in a message, so that what stands beside it keeps its room
LINE = 200


def plan(s: Scene, per_host: Mapping[str, str] | None, error: str) -> Outgoing:
    """The dry run: stages with gates and approvers, triggers, and the first stage's diff or why there is none."""
    head = s.say("plan.header", service=Mrkdwn(clean(s.r.service, 40)), version=Mrkdwn(clean(s.r.version, 30)))
    blocks: list[Block] = [header(head), section(s.say("plan.intro", change=s.change(), hosts=s.hosts()))]
    stages = s.plan.stages
    blocks += [lines(_stage(s, n, stage)) for n, stage in enumerate(stages[:MOST_STAGES], 1)]
    if len(stages) > MOST_STAGES:
        blocks.append(section(s.say("cut.stages", n=len(stages) - MOST_STAGES)))
    triggers = [outside(label(s.plan, t.metric, t, t.text), 90) for t in s.plan.triggers]
    said = s.w.some(triggers, 20) if triggers else s.say("word.none")
    blocks.append(section(s.say("plan.triggers", triggers=said, watch=s.w.span(s.plan.watch))))
    given = ""
    if s.plan.traffic.strategy == "sticky":
        given = f" --sticky-salt {outside(s.r.salt, 64)}" if s.r.salt != s.r.id else ""
        said = s.say("plan.salt", salt=code(s.r.salt, 64)) if given else s.say("plan.salt.own")
        blocks.append(section(said))
    blocks += [divider(), *_diff_or_error(s, per_host, error)]
    start = s.command("start", f" {outside(s.r.version, 40)}{given}")
    blocks.append(context([s.say("plan.bound", plan=code(s.plan.hash)), s.say("plan.start", command=start)]))
    return Outgoing(
        s.say("plan.text", service=outside(s.r.service, 60), change=s.change(), n=len(stages)), tuple(blocks)
    )


def _stage(s: Scene, n: int, stage: Stage) -> list[Mrkdwn]:
    gates = [outside(label(s.plan, g.metric, g, g.text), 90) for g in stage.gates]
    return [
        s.say(
            "plan.stage",
            n=n,
            stage=s.stage_name(stage.name),
            share=s.share(stage.name),
            bake=s.w.span(stage.bake),
            most=s.w.span(stage.max_bake),
        ),
        s.say("plan.gates", gates=s.w.some(gates, 20) if gates else s.say("gates.none")),
        s.say(
            "plan.approval",
            quorum=max(1, stage.approval.quorum),
            roles=codes(stage.approval.roles) or s.say("who.nobody"),
            expires=s.w.span(stage.approval.expires),
        ),
    ]


def _diff_or_error(s: Scene, per_host: Mapping[str, str] | None, error: str) -> list[Block]:
    if error:
        return [section(s.say("plan.no_diff", error=s.w.translated(error, 500)))]
    if per_host is None:
        return [section(s.say("plan.diff_not_read"))]
    return [section(s.say("plan.diff")), *_folded(s.w, per_host, 4000)]


def diff(w: Words, per_host: Mapping[str, str]) -> Outgoing:
    """For the thread of an asking: hosts with the same change share one code block."""
    changed = sum(1 for d in per_host.values() if d.strip())
    head = w.say("diff.text", n=changed, total=len(per_host))
    return Outgoing(head, (section(head), *_folded(w, per_host, BUDGET)))


def _folded(w: Words, per_host: Mapping[str, str], budget: int) -> list[Block]:
    same: dict[str, list[str]] = {}
    for host, text in per_host.items():
        same.setdefault(text.strip("\n"), []).append(host)
    blocks: list[Block] = []
    share = budget // max(1, min(len(same), MOST_DIFFS))
    for text, hosts in list(same.items())[:MOST_DIFFS]:
        names = w.some([code(h, 60) for h in hosts], 6)
        if not text.strip():
            blocks.append(section(w.say("diff.unchanged", hosts=names)))
            continue
        blocks.append(section(w.say("diff.hosts", hosts=names)))
        blocks += _cut_diff(w, translated(text, w.lang).splitlines(), min(share, SECTION - 50))
    if len(same) > MOST_DIFFS:
        left = sum(len(hosts) for hosts in list(same.values())[MOST_DIFFS:])
        blocks.append(section(w.say("diff.more_hosts", n=left)))
    return blocks


def _cut_diff(w: Words, every: list[str], room: int) -> list[Block]:
    kept: list[str] = []
    size = 0
    for row in every:
        shown = row if len(row) <= LINE else row[:LINE] + "…"
        size += len(shown) + 1 + 4 * sum(shown.count(c) for c in "<>&")
        if size > room - 100 and kept:
            break
        kept.append(shown)
    blocks = [section(fence(kept))]
    if len(kept) < len(every):
        blocks.append(context([w.say("diff.cut", n=len(every) - len(kept))]))
    return blocks
