"""The bot's own sentences in Chinese: with what is in them, within one another, and nobody else's words changed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.translation import translated
from bot.translation.catalogue import SENTENCES
from bot.translation.sentence import sentence
from tests.translation.test_sources import ALL

LOST = "no answer to revert (connection lost)"
SAID = {
    # one within another
    "nginx -t: [emerg] unknown directive \"x\" in /etc/nginx/nginx.conf:3": (
        "nginx -t 未通过：[emerg] unknown directive \"x\" in /etc/nginx/nginx.conf:3"
    ),
    "nginx did not take the reload: [emerg] 7#7: bind() failed; the previous file is back": (
        "nginx 重载未生效：[emerg] 7#7: bind() failed；已恢复原来的文件"
    ),
    f"nginx is not running (no master process in /run/nginx.pid); start it; the file is in place; then: lb-1: {LOST}": (
        "nginx 没有运行（/run/nginx.pid 中没有主进程）；请启动；文件已就位；撤回时：lb-1：revert 没有应答（连接中断）"
    ),
    "has the new share already, and cannot be taken back now: lb-1: no answer to read (no answer within 20 s)": (
        "已是新的比例，现在无法收回：lb-1：read 没有应答（20 秒内没有应答）"
    ),
    "changed by hand (edited)": "被人改动（机器人的文件被改动）",
    "lb-1: the program on this host speaks 1, the bot 2; install the bot's own: rollout-bot host install lb-1": (
        "lb-1：主机上的程序用协议 1，机器人用 2；请安装机器人自带的程序：rollout-bot host install lb-1"
    ),
    "jump host b (b:22) cannot be reached: timed out; check that the host is up and its SSH port open to the bot": (
        "跳板机 b（b:22）无法连接：timed out；请检查主机是否在运行、SSH 端口是否对机器人开放"
    ),
    "the value of cookie gray 'a b' has characters nginx could misread; use letters, digits, '.', '_', '-' only": (
        "cookie gray 的值 'a b' 含有 nginx 可能误读的字符；只能用字母、数字和 '.'、'_'、'-'"
    ),
    "RuntimeError: Prometheus cannot be reached": "RuntimeError：无法连接 Prometheus",
    # a failed shift's list of hosts
    f"lb-1: nginx -t: [emerg] a; b; lb-2: not asked: a newer generation came first; lb-3: lb-3: {LOST}": (
        "lb-1：nginx -t 未通过：[emerg] a; b；lb-2：未询问：已有更新的代次；lb-3：lb-3：revert 没有应答（连接中断）"
    ),
    ": the plan changed after the approval; lb-2: kaputt": "批准之后计划已变更; lb-2: kaputt",
    # a channel, with what it was answered and the mend
    "the mail server mx:25 refuses the mail to a@b.cn: 550 5.1.1 no such user — see x — correct the address": (
        "邮件服务器 mx:25 拒收发给 a@b.cn 的邮件：550 5.1.1 no such user — see x；请更正地址"
    ),
    "the gateway sms answered 401: bad key — correct its address, or the secret it is given": (
        "网关 sms 返回 401：bad key；请更正地址，或它使用的密钥"
    ),
    "the webhook x answered 500: down": "webhook x 返回 500：down",
    "the heartbeat's address gave no answer within 5 s": "心跳地址 5 秒内没有应答",
    "not_in_channel: the bot is not in the channel: /invite it": "not_in_channel：机器人不在该频道：请 /invite",
    "the heartbeat is held back: worker: /x.db: the disk is full (disk full); database: it does not answer": (
        "心跳暂停：执行器：/x.db：磁盘已满（disk full）；数据库：没有应答"
    ),
    # what `decide` leaves
    "measured for 12 s of 30 s": "已测 12 秒，共需 30 秒",
    "share not measured of 10 %": "未测得金丝雀的比例（应为 10 %）",
}  # fmt: skip
OTHERS = (
    "",
    "ok",
    "edited",
    "lb-1: ok",
    "database: down",
    "connection lost",
    "smtp: connection lost",
    "backup failed: disk full",
    "connect ECONNREFUSED 10.0.0.1:9090",
    'HTTP Status Code 400 (b\'{"status":"error"}\')',
    "nginx: [emerg] unknown directive",
    "the disk is full",
    "our own rule; see: the wiki",
    "错误率过高",
    "{0} {name} %s",
)


@pytest.mark.parametrize("text", SAID)
def test_said_in_chinese(text: str) -> None:
    assert translated(text, "zh") == SAID[text]


@pytest.mark.parametrize("text", OTHERS)
def test_what_others_say_stays_as_it_is(text: str) -> None:
    assert translated(text, "zh") == text


def test_english_stays_english() -> None:
    assert [one.text for one in ALL if translated(one.text, "en") != one.text] == []


@given(st.text())
def test_no_text_that_is_not_ours_changes(text: str) -> None:
    assert translated(text, "zh") == text


def pieces() -> st.SearchStrategy[str]:
    """Words of ours in any order: what comes closest to a sentence without being one."""
    ours = sorted({word for one in SENTENCES for word in one.words} | {";", ":", "—", "; ", ": ", " — ", "then:", "("})
    return st.lists(st.one_of(st.sampled_from(ours), st.text(max_size=5)), max_size=30).map(" ".join)


@given(st.one_of(st.text(), pieces(), st.tuples(pieces(), st.sampled_from([o.text for o in ALL])).map("; x: ".join)))
def test_nothing_raises(text: str) -> None:
    assert isinstance(translated(text, "zh"), str)
    assert translated(text, "en") is text


@pytest.mark.parametrize(
    "text",
    ["a: " * 3000, "; a: b" * 3000, " — " * 3000, "the gateway " * 2000, "the disk is full (" * 1000, "; then: " * 2000,
     " ".join(one.text for one in ALL)[:9000], "; ".join(f"lb-{n}: {LOST}" for n in range(300)),
     "lb-1: the mail server " + " refuses the mail to x: " * 800, "; the file is in place" * 1000],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    began = time.perf_counter()
    translated(text, "zh")
    assert time.perf_counter() - began < 0.5


def test_holes_of_both_languages_are_the_same() -> None:
    with pytest.raises(ValueError, match="not the same holes"):
        sentence("stage {stage} is gone", "阶段 {name} 已不在")
