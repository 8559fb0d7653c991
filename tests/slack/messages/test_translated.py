"""The bot's own sentences from the log, wherever people read them: in their language, and still nobody's markup."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.alerts.labels import labels_of
from bot.alerts.model import Receipt
from bot.rollout import events as ev
from bot.rollout.intents import refuse
from bot.rollout.model import Hold, Verdict
from bot.rollout.work import Said
from bot.slack.messages import Messages
from bot.slack.messages.saying import told
from bot.slack.messages.words import Words
from tests.slack.messages.samples import CARDS, NOW, PLAN, a_board, render, rows, strings
from tests.slack.messages.test_alert_messages import GROUP, an_alert

ZH, EN = Messages("zh", "Asia/Shanghai"), Messages("en", "Asia/Shanghai")
NOT_TAKEN = "nginx did not take the reload: [emerg] 7#7: <!channel> bind() failed; the previous file is back"
AWAY = "lb-2 (10.0.0.2:22) cannot be reached: timed out; check that the host is up and its SSH port open to the bot"
BLIND = "Prometheus did not answer in time"
HELD, _ = CARDS["held_shift"]
FAILED = replace(HELD, hold_detail=f"lb-1: {NOT_TAKEN}; lb-2: {AWAY}")


def test_the_card_of_a_failed_shift() -> None:
    card = ZH.card(FAILED, PLAN, None, NOW)
    assert (
        "原因：lb-1：nginx 重载未生效：[emerg] 7#7: <!channel> bind() failed；已恢复原来的文件；lb-2：lb-2（"
        in render(card)
    )
    assert "无法连接：timed out；请检查主机是否在运行" in render(card)
    assert "&lt;!channel&gt;" in strings(card)
    assert "<!channel>" not in strings(card)


def test_the_line_of_a_failed_shift_and_of_hosts_that_are_not_back() -> None:
    line = render(ZH.tell(ev.ShiftFailed("10%", 8, "reverted", (("lb-1", NOT_TAKEN), ("lb-2", AWAY)), NOW), HELD, PLAN))
    assert "• `lb-1`：nginx 重载未生效：" in line
    assert "• `lb-2`：lb-2（10.0.0.2:22）无法连接：timed out；" in line
    pending = ev.HostsRestored(9, ("lb-1",), (("lb-2", "lb-2: no answer to apply (no answer within 20 s)"),), 0.8, NOW)
    assert "lb-2：apply 没有应答（20 秒内没有应答）" in render(ZH.tell(pending, HELD, PLAN))


def test_a_gate_that_cannot_be_read() -> None:
    rollout, _ = CARDS["baking"]
    gates = tuple(replace(g, error=BLIND) if g.error else g for g in rows(Verdict.BLIND))
    board = a_board(gates=gates, blind_since=NOW - 600)
    said = render(ZH.card(rollout, PLAN, board, NOW))
    assert "读不到（Prometheus 没有及时应答）" in said
    assert "读不到指标*：Prometheus 没有及时应答。" in said
    assert "Prometheus 没有及时应答" in render(ZH.tell(ev.SightLost("10%", NOW - 120, BLIND, NOW), rollout, PLAN))


def test_a_receipt_and_the_alert_about_the_channel_itself() -> None:
    refused = "the gateway sms answered 401: <key> — correct its address, or the secret it is given"
    group = replace(GROUP, receipts=(Receipt(1, "ops", "sms", "+8613800138000", "trouble", NOW, refused),))
    card = ZH.alert_card(group, [an_alert()], [], NOW)
    assert "网关 sms 返回 401：<key>；请更正地址，或它使用的密钥" in render(card)
    labels, told = (
        labels_of({"alertname": "NotificationChannelFailing", "channel": "sms"}),
        labels_of({"error": refused}),
    )
    own = an_alert(source="bot", name="NotificationChannelFailing", labels=labels, annotations=told, value=None)
    assert "渠道 sms 无法送达：网关 sms 返回 401：<key>；请更正" in ZH.alert_notice(group, [own], "new", [], NOW).text
    assert "返回 401：&lt;key&gt;；请更正" in strings(ZH.alert_card(group, [own], [], NOW))


@pytest.mark.parametrize("name", ["RuleBlind", "RulesNotEvaluated", "HeartbeatFailing", "AlertsRefused"])
def test_other_alerts_of_the_bots_own(name: str) -> None:
    said = {
        "RuleBlind": ("Prometheus cannot be reached", "无法连接 Prometheus"),
        "RulesNotEvaluated": ("the evaluation hangs", "检查卡住"),
        "HeartbeatFailing": ("the heartbeat's address gave no answer within 5 s", "心跳地址 5 秒内没有应答"),
        "AlertsRefused": ("an alert has no labels", "有告警没有标签"),
    }[name]
    own = an_alert(source="bot", name=name, annotations=labels_of({"error": said[0]}), value=None)
    assert said[1] in ZH.alert_notice(GROUP, [own], "new", [], NOW).text
    assert said[0] in EN.alert_notice(GROUP, [own], "new", [], NOW).text


def test_private_answers() -> None:
    rollout, _ = CARDS["baking"]
    wrong = "blue_green gives everybody one pool, not 10 %; use weights of 0 and 100"
    right = "blue_green 让所有人使用同一个池，不能是 10 %；权重请用 0 和 100"
    assert right in render(ZH.plan(rollout, PLAN, None, wrong))
    assert right in render(ZH.error(wrong))
    assert "# 无法读取：lb-2：read 没有应答（连接中断）" in render(
        ZH.plan(rollout, PLAN, {"lb-2": "# unknown: lb-2: no answer to read (connection lost)\n"}, "")
    )
    broken = "/var/bot.db: the file is damaged: stop the bot and restore it from a backup (malformed)"
    assert "文件已损坏：请停止机器人并从备份恢复（malformed）" in render(ZH.unavailable(broken))
    assert "文件已损坏" in ZH.refusal(refuse("unavailable", why=broken), rollout, PLAN)
    held = refuse("not_passed", stage="10%", detail=f"lb-1: {NOT_TAKEN}")
    assert "[emerg] 7#7" in ZH.refusal(held, FAILED, PLAN)


def test_what_the_plans_policy_says() -> None:
    by_policy = ev.RollbackOrdered(9, "policy", "measured for 60 s of 600 s", None, "10%", NOW)
    assert "按计划的策略：已测 60 秒，共需 600 秒" in render(ZH.tell(by_policy, HELD, PLAN))
    assert "measured for 60 s of 600 s" in render(EN.tell(by_policy, HELD, PLAN))
    gone = ev.StageHeld("10%", Hold.PLAN_CHANGED, "the stage is no longer in the plan", (), NOW)
    assert "计划中已没有这个阶段" in render(ZH.tell(gone, HELD, PLAN))


def test_a_piece_of_work_quotes_the_bots_own_error_in_its_language() -> None:
    what = (Said("read_back", (("n", "1"), ("total", "2"), ("share", "0"))),)
    what += (Said("host_error", (("host", "lb-2"), ("why", "nginx is not running; start it"))),)
    assert told(Words("zh", "UTC"), what, "") == "2 台主机中 1 台回读为 0 %；lb-2：“nginx 没有运行；请启动”"
    assert told(Words("zh", "UTC"), (Said("quoted", (("said", BLIND),)),), "") == "“Prometheus 没有及时应答”"
    assert told(Words("en", "UTC"), what, "").endswith("lb-2: nginx is not running; start it")


def test_english_is_as_it_was() -> None:
    assert f"lb-1: {NOT_TAKEN}; lb-2: {AWAY}" in render(EN.card(FAILED, PLAN, None, NOW))
    line = ev.ShiftFailed("10%", 8, "reverted", (("lb-1", NOT_TAKEN), ("lb-2", AWAY)), NOW)
    assert f"• `lb-1`: {NOT_TAKEN}\n• `lb-2`: {AWAY}" in render(EN.tell(line, HELD, PLAN))
    assert "# unknown: lb-2: nobody" in render(EN.plan(HELD, PLAN, {"lb-2": "# unknown: lb-2: nobody\n"}, ""))
