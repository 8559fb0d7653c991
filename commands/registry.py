"""The one table of what can be typed after /rollout, and the way from a line to its answer."""

from __future__ import annotations

import difflib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.engine.ports.rendered import Outgoing
from commands import (
    ack,
    alerts,
    approve,
    checklist,
    checks,
    drift,
    followup,
    help,
    history,
    note,
    oncall,
    override,
    pause,
    plan,
    promote,
    report,
    resume,
    retry,
    rollback,
    silence,
    start,
    status,
    why,
)
from commands.desk import AlertDesk, Call, Desk, Room, Words
from commands.words import name, split

SLIP = 0.8  # of difflib: `rolback`, `rollbakc` and `rollbck`, but not `rollout` or `callback`
NEAR = 0.6  # what is asked about: `prmote` and `statr`, but not whether `diff` was to be `tick`
Handler = Callable[[Room], Awaitable[Outgoing]]


@dataclass(frozen=True, slots=True)
class Command:
    """summary: its key in the phrases of the help. acts: whether it changes something; the others only read."""

    name: str
    usage: str
    summary: str
    acts: bool
    handle: Handler
    aliases: tuple[str, ...] = ()


async def _help(room: Room) -> Outgoing:
    wanted = BY_NAME.get(name(room.words[0])) if room.words else None
    return help.handle(room, [(c.name, c.usage, c.summary) for c in COMMANDS if wanted in (None, c)])


COMMANDS: tuple[Command, ...] = (
    Command(
        "start",
        "/rollout start SERVICE VERSION [--sticky-salt SALT] [reason]",
        "help.start",
        True,
        start.handle,
        ("begin", "开始"),
    ),
    Command(
        "approve",
        "/rollout approve [SERVICE]",
        "help.approve",
        False,
        approve.handle,
        ("reject", "veto", "deny", "批准", "同意", "否决"),
    ),
    Command(
        "promote",
        "/rollout promote [SERVICE] [--force REASON]",
        "help.promote",
        True,
        promote.handle,
        ("next", "continue", "advance", "推进", "晋级"),
    ),
    Command(
        "rollback",
        "/rollout rollback [SERVICE] [--gradual] [REASON]",
        "help.rollback",
        True,
        rollback.handle,
        ("roll-back", "roll_back", "undo", "abort", "revert", "cancel", "回滚", "回退", "取消"),
    ),
    Command("pause", "/rollout pause [SERVICE] [reason]", "help.pause", True, pause.handle, ("hold", "暂停")),
    Command("resume", "/rollout resume [SERVICE]", "help.resume", True, resume.handle, ("unpause", "恢复", "继续")),
    Command("retry", "/rollout retry [SERVICE]", "help.retry", True, retry.handle, ("again", "重试")),
    Command(
        "override",
        "/rollout override [SERVICE] NAME REASON",
        "help.override",
        True,
        override.handle,
        ("pass-over", "略过", "跳过"),
    ),
    Command("tick", "/rollout tick [SERVICE] ITEM", "help.tick", True, checklist.tick, ("tick-off", "勾选", "已确认")),
    Command("untick", "/rollout untick [SERVICE] ITEM", "help.untick", True, checklist.untick, ("取消勾选",)),
    Command("checks", "/rollout checks [SERVICE]", "help.checks", False, checks.handle, ("check", "检查")),
    Command("restore", "/rollout restore [SERVICE]", "help.restore", True, drift.restore),
    Command("adopt", "/rollout adopt [SERVICE]", "help.adopt", True, drift.adopt),
    Command("status", "/rollout status [SERVICE]", "help.status", False, status.handle, ("st", "状态")),
    Command(
        "plan",
        "/rollout plan SERVICE VERSION [--sticky-salt SALT]",
        "help.plan",
        False,
        plan.handle,
        ("dry-run", "dryrun", "预演"),
    ),
    Command("history", "/rollout history [SERVICE]", "help.history", False, history.handle, ("log", "历史")),
    Command("alerts", "/rollout alerts [SERVICE]", "help.alerts", False, alerts.handle, ("alert", "告警")),
    Command("ack", "/rollout ack [ALERT]", "help.ack", True, ack.handle, ("acknowledge", "确认")),
    Command(
        "silence", "/rollout silence ALERT|LABEL=VALUE TIME [REASON]", "help.silence", True, silence.handle, ("静默",)
    ),
    Command("unsilence", "/rollout unsilence ID", "help.unsilence", True, silence.end, ("取消静默",)),
    Command("why", "/rollout why ALERT", "help.why", False, why.handle, ("为什么",)),
    Command(
        "oncall",
        "/rollout oncall [who | swap PERSON TIME [ROTATION]]",
        "help.oncall",
        True,
        oncall.handle,
        ("on-call", "值班"),
    ),
    Command(
        "note",
        "/rollout note [SERVICE] [good:|bad:|feedback:] TEXT",
        "help.note",
        True,
        note.handle,
        ("备注",),
    ),
    Command(
        "followup",
        "/rollout followup [SERVICE] add TEXT [@owner] [2026-12-01] [P1] | list | done F1",
        "help.followup",
        True,
        followup.handle,
        ("follow-up", "followups", "todo", "后续", "待办"),
    ),
    Command("report", "/rollout report [SERVICE]", "help.report", True, report.handle, ("报告",)),
    Command("help", "/rollout help [COMMAND]", "help.help", False, _help, ("?", "--help", "-h", "帮助")),
)
BY_NAME = {word: command for command in COMMANDS for word in (command.name, *command.aliases)}


def find(words: tuple[str, ...]) -> tuple[Command | None, tuple[str, ...]]:
    """The command of a line and the words after it. Two words `roll back` and `rollback:why` are one, and two."""
    while words and name(words[0]) in ("/rollout", "rollout"):  # a line pasted whole
        words = words[1:]
    if not words:
        return BY_NAME["status"], ()
    typed, rest = name(words[0]) or words[0], words[1:]
    if typed in BY_NAME:
        return BY_NAME[typed], rest
    if typed == "roll" and rest and name(rest[0]) == "back":
        return BY_NAME["rollback"], rest[1:]
    head, *tail = re.split(r"[,:;、]", words[0], maxsplit=1)
    if tail and name(head) in BY_NAME:
        return BY_NAME[name(head)], tuple(word for word in (tail[0], *rest) if word)
    # In an emergency nobody types well, and the way back is safe; every other word has to be right.
    if typed[:1] == "r" and difflib.SequenceMatcher(None, typed, "rollback").ratio() >= SLIP:
        return BY_NAME["rollback"], rest
    return None, rest


async def run(call: Call, desk: Desk, messages: Words, alert_desk: AlertDesk | None = None) -> Outgoing:
    """The private answer to one line. Bare: the status and what to do next. An unknown word changes nothing."""
    words = split(call.text)
    command, rest = find(words)
    if command is None:
        near = difflib.get_close_matches(name(words[0]), list(BY_NAME), 1, NEAR)
        if not near:
            return messages.did_you_mean(words[0], "", BY_NAME["help"].usage)
        meant = BY_NAME[near[0]]
        return messages.did_you_mean(words[0], meant.name, meant.usage)
    return await command.handle(Room(desk, messages, call, rest, command.usage, alert_desk))
