"""Every sentence that hosts, channels and Prometheus can cause has its Chinese, and keeps what is in it.

A sentence that is new here fails until bot/translation has it, or until SILENT says why nobody reads it in the chat.
"""

from __future__ import annotations

import re

import pytest

from bot.translation import translated
from bot.translation.catalogue import SENTENCES
from tests.translation.sources import ROOT, Spoken, python, shell

BOT = ROOT / "bot"
MODULES = (
    *sorted((BOT / "fleet").glob("*.py")),
    *sorted((BOT / "engine").glob("*.py")),
    *sorted((BOT / "notify").glob("*.py")),
    *(BOT / name for name in ("prometheus.py", "web.py", "alerts/labels.py", "alerts/rules.py", "release/apart.py")),
    *(BOT / f"slack/{name}.py" for name in ("errors", "scopes", "directory", "channels", "chat", "files")),
    *(BOT / f"store/{name}.py" for name in ("errors", "postgres/errors")),
)
ELSEWHERE = {
    "bot/fleet/checking.py",  # what `rollout-bot host check` prints
    "bot/fleet/installing.py",  # what `rollout-bot host install` prints
    "bot/fleet/fake.py",  # a fleet in memory, for tests
    "bot/notify/digest.py",  # has both languages itself
    "bot/notify/sms.py",  # an alphabet
}
# These write nginx's own files as well: only what they raise is a sentence.
RAISED = {"bot/fleet/nginx.py", "bot/fleet/routing.py"}

# Nobody reads these in the chat.
SILENT = {
    # faults of the program itself
    "what a host is sent ends with a newline",
    # why an effect waits: it is tried again, and its reason is in the log and the outbox alone
    "looked at once more: x7y",
    "not yet back: x7y",
    "still left out: x7y",
    "a change of the hosts is under way",
    "the plan changed since the others were shifted",
    "stage x7y is not known",
    "x7y is not in the log",
    "the sign-off is not posted yet",
    "the asking is not posted yet",
    "the card was deleted, and is not posted anew yet",
    "the outcome was not written: the task that wrote it was stopped",
    "x7y was sent much already; a digest will tell of it",
    "in a digest",  # in place of a provider's name for the message
    # a person who cannot be checked is not known, which has a sentence of its own
    "Slack answered about somebody else than x7y",
    # logged once at the start
    "an earlier try of a post is not found after a crash",
    "the report and its charts are posted as text",
    "channels must be named by id",
    "people add the emoji of an asking themselves",
    "only people named in people.yaml have roles",
    # answers to whoever posts alerts or calls as Slack
    "the body cannot be read",
    "nobody may post alerts: set ALERTS_TOKEN",
    "the token is wrong: send `Authorization: Bearer` with ALERTS_TOKEN",
    "nothing was taken, send it again: x7y",
    # a code that has a phrase
    "no data",
    # what others say, by which it is told apart
    "authentication failed",
    "no pg_hba.conf entry",
    "no password supplied",
    "permission denied for database",
    "root certificate file",
    "certificate verify failed",
    "invalid connection option",
    "invalid URI query parameter",
    "does not exist",
    # no sentences
    "ssh-keyscan -p 22 10.0.0.1",
    "application/xml; charset=utf-8",
    "text/plain; version=0.0.4",
    ":rotating_light: *x7y*",
    ":information_source: *x7y*",
    ":rotating_light: *x7y*\nx7y",
    ":information_source: *x7y*\nx7y",
    'label_replace((x7y), "rollout_bot_need", "x7y", "", "")',
}
# Parts of one sentence alone, which is found with each of them in it.
WITHIN = {
    "Apprise does not understand the URL: write it as its page in Apprise's documentation says",
    "Apprise does not say why",
    "add them to the app (config/slack-manifest.yaml has the list) and reinstall it",
    "the value of cookie x7y",
    "the value of header x7y",
    "the local socket",
    "no word",
}
BARE = {"webhook ", "PDF", "Slack：", "；", "：（）", "：：rollout-bot host install "}  # Chinese without a Chinese word
CARRIER = "lb-1: no answer to read ({})", "lb-1：read 没有应答（{}）"
BASE = "the mail server mx-1:25 gave no answer in time", "邮件服务器 mx-1:25 没有及时应答"

# Words of English that Chinese operations engineers write as they are: names, settings, commands, kinds of things.
KEPT = frozenset(
    re.findall(
        r"\w+",
        """
        nginx Prometheus Slack Apprise Alertmanager PostgreSQL SQLite JSON HTTP SMTP STARTTLS URL IP SSH PDF
        Socket Mode API OAuth User Token Bot MB sh bin POSIX shell worker proxy pass upstream traffic cookie
        keepalive weighted pid fleet hosts known key file host install rollout bot authorized keys sshd
        MaxSessions user jump include conf http PATH flock util linux sha stdin blue green shift stable canary
        sticky by uid remote addr status log path webhook webhooks configs max alerts yaml channels config slack
        manifest blocks invite channel app xoxb releases token TOKEN SLACK BOT ca equals retry from Message ID
        Headers smtps starttls never lin example com ops bastion db pool startsAt firing resolved labels severity
        critical DATABASE postgresql password database sslmode sslrootcert pg hba mode backup NGINX CONF DIR PID
        FILE STATUS WAIT VERB SERVICE GENERATION EPOCH BACK forced ready stage commit apply revert read check
        missing scope lb sms twilio hook mx
        """,
    )
)


def spoken() -> list[Spoken]:
    found = list(shell())
    for path in MODULES:
        name = str(path.relative_to(ROOT))
        if name not in ELSEWHERE:
            found += python(path, name in RAISED)
    return [one for one in dict.fromkeys(found) if one.text not in SILENT | WITHIN]


ALL = spoken()


def chinese(one: Spoken) -> str:
    """A part of a sentence is looked at where it can stand."""
    if one.text.startswith("; "):
        return translated(BASE[0] + one.text, "zh").removeprefix(BASE[1])
    said = translated(one.text, "zh")
    if said != one.text or one.whole:
        return said
    before, after = CARRIER[1].split("{}")
    return translated(CARRIER[0].format(one.text), "zh").removeprefix(before).removesuffix(after)


def test_the_sentences_are_found() -> None:
    sources = {one.where for one in ALL}
    assert len(ALL) > 250
    assert {"main.sh", "verbs.sh", "trying.sh", "files.sh", "words.sh"} <= sources
    for name in ("router", "verbs", "connections", "ssh", "local", "loop", "valid", "nginx", "routing"):
        assert f"bot/fleet/{name}.py" in sources
    for name in ("http", "gateway", "mail", "apprise", "batches", "heartbeat", "unset", "slack"):
        assert f"bot/notify/{name}.py" in sources
    for name in ("targets", "performers", "alert_sender", "alert_watch", "own_series", "alert_intake"):
        assert f"bot/engine/{name}.py" in sources


@pytest.mark.parametrize("one", ALL, ids=lambda one: f"{one.where}: {one.text}"[:90])
def test_it_has_its_chinese(one: Spoken) -> None:
    said = chinese(one)
    assert said != one.text, f"no Chinese for {one.text!r} of {one.where}: add it to bot/translation, or to SILENT"
    assert all(value in said for value in one.values), said
    rest = said
    for value in sorted(one.values, key=len, reverse=True):
        rest = rest.replace(value, " ")
    assert set(re.findall(r"[A-Za-z]{2,}", re.sub(r"`[^`]*`|\{to\}|x7y|x 7y", " ", rest))) <= KEPT, said


def test_what_is_listed_is_still_there() -> None:
    texts = {one.text for path in MODULES for one in python(path, str(path.relative_to(ROOT)) in RAISED)}
    assert texts >= SILENT | WITHIN


def test_the_chinese_is_chinese() -> None:
    for one in SENTENCES:
        said = "".join(text for text, _ in one.chinese)
        assert re.search(r"[\u4e00-\u9fff]", said) or said in BARE, said
        assert not re.search(r"[\u4e00-\u9fff][,;:?!]", said), said
