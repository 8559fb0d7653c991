"""Alerts in words: on their own message, on the card, in mails and SMS; nothing from outside becomes markup."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.alerts.labels import labels_of
from bot.alerts.model import Alert, Group, Receipt, Why
from bot.notify import sms
from bot.slack.messages import Messages
from tests.slack.messages.samples import CARDS, PLAN

NOW = 1_772_450_000.0
NASTY = "<!channel> `x` *b* & <https://evil.example.com|click>"


def an_alert(**changes: object) -> Alert:
    labels = labels_of({"alertname": "ErrorRateCritical", "service": "brand-diagnosis", "severity": "critical"})
    told = labels_of(
        {"title": "错误率过高", "summary": "brand-diagnosis 错误率 12.5%", "condition": "> 10%", "unit": "percent"}
    )
    values = {
        "fingerprint": "f1", "source": "rules", "name": "ErrorRateCritical", "severity": "critical", "labels": labels,
        "annotations": told, "started_at": NOW - 600, "value": 12.5, "groups": ("0123456789ab",),
    } | changes  # fmt: skip
    return Alert(**values)  # type: ignore[arg-type]


GROUP = Group(
    "0123456789ab", "critical", labels_of({"alertname": "ErrorRateCritical", "service": "brand-diagnosis"}), NOW - 600,
    members=("f1",), told=("f1",), serial=1,
    receipts=(
        Receipt(1, "dev-mail", "mail", "dev@example.com", "sent", NOW),
        Receipt(1, "dev-sms", "sms", "+15555550100", "failed", NOW, f"refused {NASTY}"),
    ),
)  # fmt: skip


def shown(outgoing: object) -> str:
    return json.dumps(getattr(outgoing, "blocks", ()), ensure_ascii=False) + str(getattr(outgoing, "text", ""))


def test_the_message_says_what_who_and_by_which_way(m: Messages) -> None:
    rollout, _ = CARDS["baking"]
    said = shown(m.alert_card(GROUP, [an_alert()], [rollout], NOW))
    for part in (
        "错误率过高",
        "12.5%",
        "> 10%",
        "/rollout ack 012345",
        "alert.ack",
        rollout.id,
        "rollout.rollback",
        "…0100",
    ):
        assert part.replace(">", "&gt;") in said, part
    assert "+15555550100" not in said  # a telephone number is nobody else's business


def test_once_it_is_over_there_is_nothing_to_press(m: Messages) -> None:
    over = an_alert(resolved_at=NOW, resolved_why="over")
    outgoing = m.alert_card(GROUP, [over], [], NOW)
    assert not [b for b in outgoing.blocks if b["type"] == "actions"]
    assert "✅" in outgoing.text


def test_nothing_from_outside_becomes_markup(m: Messages) -> None:
    labels = labels_of({"alertname": NASTY, "service": NASTY})
    nasty = an_alert(name=NASTY, labels=labels, annotations=labels_of({"title": NASTY, "summary": NASTY}))
    group = replace(GROUP, labels=labels)
    rollout, board = CARDS["baking"]
    for outgoing in (
        m.alert_card(group, [nasty], [], NOW),
        m.alert_reply(group, [nasty], "more", NOW),
        m.alerts([(group, [nasty])], [], NOW),
        m.why(group, [(nasty, ())], NOW),
        m.card(rollout, PLAN, board, NOW, [nasty]),
    ):
        marked = [b for b in outgoing.blocks if b["type"] != "header"]
        assert "<!channel>" not in json.dumps(marked) + outgoing.text
        assert "<https://evil" not in json.dumps(marked) + outgoing.text


def test_the_rollouts_card_says_what_fires(m: Messages) -> None:
    rollout, board = CARDS["baking"]
    calm, alarmed = shown(m.card(rollout, PLAN, board, NOW)), shown(m.card(rollout, PLAN, board, NOW, [an_alert()] * 2))
    assert "🔔" not in calm
    assert "🔔 *2" in alarmed and "错误率过高" in alarmed


@pytest.mark.parametrize("why", ["new", "more", "repeat", "escalated", "some_resolved"])
def test_a_mail_says_why_it_comes(m: Messages, why: Why) -> None:
    notice = m.alert_notice(GROUP, [an_alert()], why, [], NOW)
    assert "错误率过高" in notice.subject and "\n" not in notice.subject
    assert "/rollout ack 012345" in notice.text and "service=brand-diagnosis" in notice.text


def test_what_is_sent_late_says_how_it_is_now(m: Messages) -> None:
    over = an_alert(resolved_at=NOW, resolved_why="over")
    assert m.alert_notice(GROUP, [over], "new", [], NOW) == m.alert_notice(GROUP, [over], "resolved", [], NOW)


def test_an_sms_has_what_where_and_since_when_in_its_segments(m: Messages) -> None:
    short = m.alert_notice(GROUP, [an_alert()], "new", [], NOW).short
    for part in ("错误率过高", "brand-diagnosis", "12.5%"):
        assert part in short
    assert sms.size(short).segments <= 2


def test_of_many_alerts_the_first_are_named_and_the_others_counted(m: Messages) -> None:
    many = [an_alert(fingerprint=f"f{n}") for n in range(60)]
    assert "50" in shown(m.alert_card(GROUP, many, [], NOW))
    assert "10" in m.alert_notice(GROUP, many, "new", [], NOW).text


def test_several_rollouts_are_ranked_in_the_chat_and_in_the_mail_and_the_button_is_for_the_first(m: Messages) -> None:
    baking, _ = CARDS["baking"]
    rollout = replace(baking, stages=(replace(baking.stages[0], shifted_at=NOW - 600),))
    other = replace(rollout, id="ROLLOUT-20260302-9", service="mail")
    alert = an_alert(started_at=NOW - 360)
    card = m.alert_card(GROUP, [alert], [other, rollout], NOW)
    mail = m.alert_notice(GROUP, [alert], "new", [other, rollout], NOW)
    for text in (shown(card), mail.text):
        assert 0 < text.index(rollout.id) < text.index(other.id)
        assert "4 min" in text or "4 分" in text  # how long after the shift it began
    buttons = [b for block in card.blocks if block["type"] == "actions" for b in block["elements"]]  # type: ignore[index]
    (back,) = [b for b in buttons if b["action_id"] == "rollout.rollback"]
    assert back["value"] == f"{rollout.service}|{rollout.id}"
    assert rollout.version in mail.short


@pytest.mark.parametrize("why", ["new", "more", "repeat", "escalated", "some_resolved"])
@pytest.mark.parametrize("title", ["错误率过高" * 8, "The error rate of everything is far too high " * 3])
def test_however_long_its_names_are_an_sms_says_since_when(m: Messages, why: Why, title: str) -> None:
    labels = labels_of({"alertname": "A", "service": "a-service-with-quite-a-long-name", "instance": "10.0.1.11:5000"})
    alert = an_alert(labels=labels, annotations=labels_of({"title": title}))
    short = sms.fit(m.alert_notice(GROUP, [alert], why, [], NOW).short)
    since = m._w.clock(alert.started_at, NOW)
    assert since in short
    assert sms.size(short).segments <= (2 if sms.size(short).alphabet == "ucs2" else 1)


def test_a_value_that_the_summary_has_is_not_said_twice(m: Messages) -> None:
    said = m.alert_notice(GROUP, [an_alert()], "new", [], NOW).text
    assert said.splitlines()[0].count("12.5") == 1 and "> 10%" in said
    bare = m.alert_notice(
        GROUP, [an_alert(annotations=labels_of({"condition": "> 10%", "unit": "percent"}))], "new", [], NOW
    )
    assert "12.5%" in bare.text.splitlines()[0]


def test_an_escalation_says_why_it_comes_and_whom_it_calls(m: Messages) -> None:
    group = replace(GROUP, step=1)
    words = {"en": ("acknowledged", "ESCALATED"), "zh": ("无人确认", "已升级")}[m._lang]
    notice = m.alert_notice(group, [an_alert()], "escalated", [], NOW)
    assert words[0] in notice.text and words[1] in notice.short
    reply = m.alert_reply(group, [an_alert()], "escalated", NOW, ("S0ONCALL01", "U0LIN00001"))
    assert "<!subteam^S0ONCALL01> <@U0LIN00001>" in shown(reply)


def test_what_came_to_the_default_says_so(m: Messages) -> None:
    lost = replace(GROUP, unrouted=True)
    assert "alerts.yaml" in shown(m.alert_card(lost, [an_alert()], [], NOW))
    assert "alerts.yaml" in m.alert_notice(lost, [an_alert()], "new", [], NOW).text
    assert "alerts.yaml" not in shown(m.alert_card(GROUP, [an_alert()], [], NOW))


def test_on_a_rollouts_card_the_gravest_come_first_so_that_none_of_them_is_cut_off() -> None:
    minor = [an_alert(name=f"Slow{n}", severity="warning", started_at=float(n), annotations=()) for n in range(6)]
    grave = an_alert(name="Down", severity="critical", started_at=NOW, annotations=())
    rollout, board = CARDS["baking"]
    said = shown(Messages("en", "UTC").card(rollout, PLAN, board, NOW, [*minor, grave]))
    assert "*7 firing*: 🔴 Down, 🟠 Slow0" in said and "Slow5" not in said
