"""Whatever a rollout holds: Slack takes the message, nothing leaks, nothing people typed becomes markup."""

from __future__ import annotations

import re
import typing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.engine.ports.rendered import Outgoing
from bot.rollout.events import Event
from bot.rollout.intents import Refusal
from bot.rollout.model import Board, Rollout, Verdict
from bot.rollout.plan import Condition, FleetPlan, Host, Plan
from bot.sandbox.slack.blocks.message import refuse_bad_blocks
from bot.slack.messages import Messages
from bot.slack.messages.limits import BLOCKS, TOTAL, weigh
from tests.slack.messages.generate import LEAKS, of, texts
from tests.slack.messages.samples import CARDS, METRICS, NOW, PLAN, a_board, a_plan, as_json, rows, strings

DATE = re.compile(r"<!date\^\d+\^(\{date_num\} )?\{time\}\|[^|<>]*>")
ALLOWED = re.compile(r"<@[UW][A-Z0-9]{2,20}>")
quick = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))

plans = st.one_of(st.just(PLAN), of(Plan).map(lambda plan: replace(plan, source="s")))  # its hash needs sound text
rollouts = st.one_of(
    of(Rollout),
    st.builds(
        lambda r, sample, text: replace(
            sample, version=text, hold=r.hold, hold_detail=r.hold_detail, drift=r.drift, notes=r.notes, reason=text
        ),
        of(Rollout), st.sampled_from([r for r, _ in CARDS.values()]), texts,
    ),
)  # fmt: skip
boards = st.one_of(st.none(), of(Board), st.builds(lambda b: a_board(gates=b.gates, triggers=b.triggers), of(Board)))
messages = st.sampled_from([Messages("en", "Asia/Shanghai"), Messages("zh", "UTC")])


def sound(message: Outgoing, typed: str = "<@U0EVIL0001>") -> None:
    blocks = as_json(message)
    assert message.text.strip()
    assert len(message.text) <= 3000
    assert len(blocks) <= BLOCKS
    assert not blocks or weigh(blocks) <= TOTAL
    refuse_bad_blocks(blocks)
    seen = strings(message)
    bare = ALLOWED.sub("", DATE.sub("", seen))
    for block in blocks:
        if block["type"] == "section" and "text" in block:
            assert block["text"]["text"].count("```") % 2 == 0
    assert "{" not in bare
    assert "}" not in bare
    assert not [leak for leak in LEAKS if leak in bare]
    for text in mrkdwn(blocks):
        assert not typed or typed not in text
        rest = ALLOWED.sub("", DATE.sub("", text))
        assert "<" not in rest, rest
        assert ">" not in rest, rest
        assert not re.search(r"&(?!amp;|lt;|gt;)", rest), rest


def mrkdwn(value: Any) -> list[str]:
    """Texts that Slack reads as markup; in plain text nothing is."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            assert value.get("verbatim", True)
            return [value["text"]]
        return [t for part in value.values() for t in mrkdwn(part)]
    return [t for part in value for t in mrkdwn(part)] if isinstance(value, list) else []


@quick
@given(messages, rollouts, plans, boards, st.floats(0, 4e9))
def test_card_approval_status(m: Messages, r: Rollout, plan: Plan, board: Board | None, now: float) -> None:
    sound(m.card(r, plan, board, now))
    stage, attempt = (r.approval.stage, r.approval.attempt) if r.approval else (r.stage, 1)
    sound(m.approval(r, plan, stage, attempt, now, board))
    sound(m.approval(r, plan, stage, attempt + 1, now, board))
    sound(m.status([(r, plan, board)] * 3, ["brand-diagnosis", r.service], now))
    sound(m.history([r] * 12, now))
    sound(m.plan(r, plan, None, ""))


@settings(quick, max_examples=8)
@given(messages, rollouts, plans, st.integers(0, 3), st.floats(0, 4e9))
def test_around_the_traffic(m: Messages, r: Rollout, plan: Plan, edition: int, now: float) -> None:
    sound(m.preparation(r, plan, now))
    sound(m.sign_off(r, plan, r.report.edition if r.report else edition, now))
    sound(m.sign_off(r, plan, edition, now))
    sound(m.checks(r, plan, now))
    sound(m.follow_ups(r, plan, now))
    for piece in m.report_as_text(r, r.reason):
        sound(piece)


@pytest.mark.parametrize("kind", typing.get_args(Event))
def test_tell(kind: Any) -> None:
    @settings(quick, max_examples=6)
    @given(messages, of(kind), rollouts, plans)
    def check(m: Messages, event: Any, r: Rollout, plan: Plan) -> None:
        sound(m.tell(event, r, plan))

    check()


@quick
@given(
    messages,
    st.dictionaries(texts, st.one_of(texts, st.integers(0, 3000).map(lambda n: "+ line <x> &\n" * n)), max_size=12),
    texts,
    rollouts,
)
def test_diff_plan_and_replies(m: Messages, per_host: dict[str, str], text: str, r: Rollout) -> None:
    sound(m.diff(per_host))
    sound(m.plan(r, PLAN, per_host, ""))
    sound(m.plan(r, PLAN, per_host, text))
    sound(m.error(text))
    sound(m.unavailable(text))
    sound(m.did_you_mean(text, text, text))
    sound(m.usage_error("unknown_service", text, word=text, services=text))
    sound(m.usage_error(text or "x", text))
    sound(m.done("rolling_back", service=text, stable_version=text))
    sound(m.whisper(text or "x", r, PLAN, text))
    sound(m.help([(text, text, text)] * 40))


@quick
@given(messages, st.builds(Refusal, texts, st.lists(st.tuples(texts, texts), max_size=5).map(tuple)), rollouts)
def test_refusal(m: Messages, refused: Refusal, r: Rollout) -> None:
    sound(m.error(m.refusal(refused, r, PLAN)), typed="")  # `decide` gives people as mentions
    sound(m.error(m.refusal(refused, None, None)), typed="")


def test_twenty_gates_a_hundred_hosts_and_long_texts(m: Messages) -> None:
    gates = tuple(Condition(f"{x.name} < {i}%", x.name, "<", float(i)) for i in range(4) for x in METRICS[:5])
    stages = tuple(replace(s, gates=gates) for s in PLAN.stages)
    hosts = tuple(Host(f"lb-{n}.very.long.example.com") for n in range(100))
    plan = a_plan(stages=stages, fleet=FleetPlan("ssh", hosts), title="长" * 300)
    results = tuple(replace(rows()[i % 4], text=g.text, metric=g.metric, verdict=list(Verdict)[i % 4],
                            error="connection refused " * 30) for i, g in enumerate(gates))  # fmt: skip
    board = a_board(gates=results, triggers=())
    for r, _ in CARDS.values():
        long = replace(r, reason="why " * 900, notes=(("U0WANG0001", "z" * 9000, NOW),), hold_detail="h: e; " * 900)
        if long.rollback:
            names = tuple(h.name for h in hosts)
            long = replace(long, rollback=replace(long.rollback, restored=names[:50], pending=names[50:]))
        sound(m.card(long, plan, board, NOW))
        sound(m.approval(long, plan, "10%", 3, NOW, board))
        sound(m.status([(long, plan, board)] * 30, [f"service-{n}" for n in range(60)], NOW))
        sound(m.plan(long, plan, {h.name: "+ x\n" * 400 for h in hosts}, ""))
