"""The buttons that fit a rollout's state: only what `decide` would take, the way back always last and red. Pure."""

from __future__ import annotations

from bot.rollout.deciding.passing import busy
from bot.rollout.deciding.reports import RESTORABLE
from bot.rollout.model import Hold, Rollout, Status
from bot.slack.messages.around import taken_off
from bot.slack.messages.blocks import Block, button, confirm
from bot.slack.messages.headline import adoptable
from bot.slack.messages.markup import Mrkdwn, clean, outside
from bot.slack.messages.scene import Scene


def of(s: Scene) -> list[Block]:
    r = s.r
    if r.status in (Status.COMPLETED, Status.STEPPING_DOWN):
        return [_roll_back(s)]
    if not r.active or r.status is Status.ROLLING_BACK:
        return []
    found = _drift(s) if r.drift else []
    if not r.paused_by and (not r.drift or _left_by_shift(r)):
        found += _onwards(s)
    found.append(_plain(s, "resume", "primary") if r.paused_by else _plain(s, "pause"))
    return [*found, _roll_back(s)]


def _left_by_shift(r: Rollout) -> bool:
    """Whether the hosts differ only because a shift that failed got that far: trying again mends that."""
    failed = r.status is Status.HELD and r.hold is Hold.SHIFT_FAILED
    return failed and all(d.generation == r.generation and d.state in ("ok", "stale") for d in r.drift)


def _onwards(s: Scene) -> list[Block]:
    if s.r.status is Status.PASSED and s.r.plan_hash == s.plan.hash and not busy(s.r):
        following = s.following
        label = s.say("button.promote.to", stage=Mrkdwn(clean(following.name, 30))) if following else ""
        return [_plain(s, "promote", "primary", label)]
    if s.r.status is Status.HELD:
        asks = s.r.hold in (Hold.VETOED, Hold.EXPIRED, Hold.PLAN_CHANGED) or s.r.plan_hash != s.plan.hash
        failed = s.r.hold in (Hold.PREPARATION_FAILED, Hold.STEP_FAILED)
        work = failed and (s.r.approval is None or s.r.plan_hash == s.plan.hash)
        again = "work" if work else "ask" if asks else "shift" if s.r.hold is Hold.SHIFT_FAILED else "bake"
        return [_plain(s, "retry", "primary", s.say(f"button.retry.{again}"))]
    return []


def _drift(s: Scene) -> list[Block]:
    found = [_plain(s, "adopt")] if adoptable(s) else []
    stage = s.live
    approved = s.r.plan_hash == s.plan.hash == s.r.live_plan_hash
    if stage and approved and s.r.status in RESTORABLE and not s.r.paused_by:
        dialog = confirm(
            s.say("confirm.restore.title"),
            s.say("confirm.restore.text", share=s.live_share(), n=len(s.plan.fleet.hosts)),
            s.say("button.restore"),
            s.say("button.back"),
            danger=False,
        )
        found.append(button(s.say("button.restore"), "rollout.restore", value(s), dialog=dialog))
    return found


def _plain(s: Scene, verb: str, style: str = "", label: str = "") -> Block:
    return button(label or s.say(f"button.{verb}"), f"rollout.{verb}", value(s), "primary" if style else "")


def _roll_back(s: Scene) -> Block:
    version = Mrkdwn(clean(s.r.stable_version, 30))
    kind = "rollback" if s.r.touched else "cancel"
    label = s.say(f"button.{kind}", version=version)
    asked = "rollback.off" if taken_off(s.r) else kind
    text = s.say(f"confirm.{asked}.text", version=outside(s.r.stable_version, 30), n=len(s.plan.fleet.hosts))
    title = s.say(f"confirm.{kind}.title", service=Mrkdwn(clean(s.r.service, 40)), version=version)
    dialog = confirm(title, text, label, s.say("button.back"))
    return button(label, "rollout.rollback", value(s), "danger", dialog)


def value(s: Scene) -> str:
    """What the press carries: `service|rollout id`."""
    return f"{s.r.service}|{s.r.id}"
