"""channels.yaml: what it may say, and every mistake with its line and its mend."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.channels import (
    HOLES,
    AppriseSettings,
    GatewaySettings,
    LimitSettings,
    MailSettings,
    SlackChannelSettings,
    Success,
    WebhookSettings,
)
from config.secret import Secret
from config.settings import check
from config.smtp_url import SmtpServer, SmtpUrlError, parse_smtp_url
from config.template import TemplateError, parse_template

FULL = """
channels:
  mail:
    kind: mail
    url_env: SMTP_URL
    from: Rollout bot <bot@example.com>
    list_id: ops.example.com
    timeout: 5s
    connections: 2
  sms:
    kind: gateway
    url: https://sms.example.com/v1?sig=${env:SMS_TOKEN}
    method: PUT
    headers: ["Authorization: Bearer ${env:SMS_TOKEN}", "Accept: application/json"]
    content: form
    body: to=${to}&text=${short}&token=${env:SMS_TOKEN}
    success: {status: [200], path: code, equals: [0, ok, true], retry: [1], id: data.0.id}
    segments: {gsm7: 2, ucs2: 3}
    timeout: 10s
  phone:
    kind: apprise
    url_env: PHONE_URL
    style: short
  chat:
    kind: slack
  pager:
    kind: webhook
    url: https://hooks.example.com/x
    signing_key_env: PAGER_KEY
  pager-2:
    kind: webhook
    url_env: PAGER_URL
    signing_key_env: PAGER_KEY
    batch: 100
limit: {burst: 10, every: 30s, reserved: 2}
heartbeat: {url_env: HEARTBEAT_URL, interval: 30s, timeout: 5s}
"""
ENVIRON = {
    "SMTP_URL": "smtp://bot:hush%40hush@mail.example.com",
    "SMS_TOKEN": "token-hush",
    "PHONE_URL": "twilio://SID:hush@FROM/{to}",
    "PAGER_KEY": "0123456789abcdef-hush",
    "PAGER_URL": "https://hooks.example.com/hush",
    "HEARTBEAT_URL": "https://hc.example.com/hush",
}


def _checked(folder, text, environ=None):
    folder.file("channels.yaml").write_text(text, "utf-8")
    return check(folder.path, ENVIRON if environ is None else environ, require_slack=False)


def test_all_keys_can_be_written(folder):
    settings, problems, warnings = _checked(folder, FULL)
    assert (problems, warnings) == ((), ())
    found = settings.channels
    assert list(found.channels) == ["mail", "sms", "phone", "chat", "pager", "pager-2"]
    mail, sms, phone, chat, pager, pager2 = found.channels.values()
    assert mail == MailSettings(
        "mail", SmtpServer("mail.example.com", 587, "required", "bot", Secret("hush@hush")),
        "Rollout bot <bot@example.com>", "ops.example.com", 5.0, 2,
    )  # fmt: skip
    assert isinstance(sms, GatewaySettings)
    assert (sms.method, sms.content, sms.timeout, sms.secrets["SMS_TOKEN"]) == (
        "PUT",
        "form",
        10.0,
        Secret("token-hush"),
    )
    assert sms.success == Success((200,), "code", ("0", "ok", "true"), ("1",), "data.0.id")
    assert (sms.segments.gsm7, sms.segments.ucs2) == (2, 3)
    assert isinstance(phone, AppriseSettings) and phone.style == "short"
    assert isinstance(chat, SlackChannelSettings)
    assert isinstance(pager, WebhookSettings) and isinstance(pager2, WebhookSettings)
    assert (pager.batch, pager2.batch, pager2.url) == (1, 100, Secret("https://hooks.example.com/hush"))
    assert found.limit == LimitSettings(10, 30.0, 2)
    assert (found.heartbeat.interval, found.heartbeat.timeout) == (30.0, 5.0)
    assert "hush" not in repr(settings)


def test_the_shipped_one_is_mail_and_a_gateway(folder):
    settings, problems, warnings = check(folder.path, ENVIRON, require_slack=False)
    assert (problems, warnings) == ((), ())
    mail, sms = settings.channels.channels.values()
    assert isinstance(mail, MailSettings) and mail.list_id == "alerts.example.com"
    assert isinstance(sms, GatewaySettings) and sms.success.statuses == (200, 201, 202)
    assert settings.channels.limit == LimitSettings()
    assert settings.channels.heartbeat is None


def test_what_is_commented_out_in_the_shipped_one_is_right_too(folder):
    text = folder.file("channels.yaml").read_text("utf-8")
    lines = text.split("\n")
    start = next(n for n, line in enumerate(lines) if line.startswith("  # phone:"))
    for n in range(start, len(lines)):
        for mark, kept in (("  # ", "  "), ("# heartbeat", "heartbeat")):
            if lines[n].startswith(mark):
                lines[n] = kept + lines[n].removeprefix(mark)
                break
    settings, problems, _ = _checked(folder, "\n".join(lines), ENVIRON | {"PAGER_SIGNING_KEY": "0123456789abcdef"})
    assert problems == ()
    assert set(settings.channels.channels) == {"mail", "sms", "phone", "chat", "pager"}
    assert settings.channels.heartbeat is not None


def test_without_the_file_there_are_no_channels(folder):
    folder.file("channels.yaml").unlink()
    folder.file("alerts.yaml").unlink()  # its receivers name channels
    settings, problems, warnings = check(folder.path, {}, require_slack=False)
    assert (problems, warnings) == ((), ())
    assert settings.channels.channels == {}


def test_what_the_environment_lacks_is_a_warning_and_the_bot_runs(folder):
    settings, problems, warnings = _checked(folder, FULL, {})
    assert problems == ()
    assert settings.channels.channels["mail"].missing == ("SMTP_URL",)
    assert settings.channels.channels["pager-2"].missing == ("PAGER_URL", "PAGER_KEY")
    assert settings.channels.heartbeat is None
    assert {w.what.split()[3] for w in warnings} == {*ENVIRON}
    assert all("_FILE to a file" in w.mend for w in warnings)


def test_a_secret_from_a_file(folder, tmp_path):
    (tmp_path / "smtp").write_text("smtps://mail.example.com\n")
    environ = {name: value for name, value in ENVIRON.items() if name != "SMTP_URL"}
    settings, problems, warnings = _checked(folder, FULL, environ | {"SMTP_URL_FILE": str(tmp_path / "smtp")})
    assert (problems, warnings) == ((), ())
    assert settings.channels.channels["mail"].server == SmtpServer("mail.example.com", 465, "implicit")


# (what stands there, what is written instead, a marker on the expected line, words of the message)
BROKEN = [
    ("kind: mail", "kind: mial", "kind: mial", "did you mean `mail`?"),
    ("    kind: slack", "    room: x", "chat:", "add kind"),
    ("    from: Rollout bot <bot@example.com>\n", "", "  mail:", "`from` is missing"),
    ("    from: Rollout bot <bot@example.com>", "    from: Rollout bot", "from: Rollout", "write it as rollout-bot@"),
    ("    connections: 2", "    connections: 0", "connections: 0", "write 1 to 50"),
    ("    batch: 100", "    batch: 0", "batch: 0", "write 1 to 1000"),
    ("    connections: 2", "    conections: 2", "conections", "did you mean `connections`?"),
    ("    list_id: ops.example.com", "    list_id: ops", "list_id: ops", "like a host name"),
    ("    timeout: 5s", "    timeout: 5m", "timeout: 5m", "write 1s to 2m"),
    ("    timeout: 5s", "    body: x", "body: x", "means nothing to kind mail"),
    ("    url_env: SMTP_URL", "    url_env: smtp://mail.example.com", "url_env: smtp", "write the name of one"),
    ("    url_env: SMTP_URL", "    url_env: smtp://u:hush@mail", "url_env: smtp", "from the environment"),
    ("    url_env: SMTP_URL", "    password: hush", "password:", "from the environment"),
    ("https://sms.example.com/v1?sig=${env:SMS_TOKEN}", "sms.example.com", "url: sms", "write it as https"),
    ("sig=${env:SMS_TOKEN}", "sig=hush", "sig=hush", "from the environment"),
    ("sig=${env:SMS_TOKEN}", "sig=${SMS_TOKEN}", "url: https://sms", "looks like a secret"),
    ("method: PUT", "method: PATCH", "method: PATCH", "not a choice here"),
    ("Bearer ${env:SMS_TOKEN}", "Bearer hush", "Bearer hush", "secret written out"),
    ("Bearer ${env:SMS_TOKEN}", "Bearer ${SMS_TOKEN}", "Bearer ${SMS", "write ${env:SMS_TOKEN}"),
    ("Accept: application/json", "Accept", '"Accept"', 'write "Name: value"'),
    ("text=${short}", "text=${shrot}", "shrot", "did you mean `short`?"),
    ("text=${short}", "text=${short", "text=${short", "not closed"),
    ("text=${short}", "text=x", "  sms:", "says what"),
    ("to=${to}", "to=1", "  sms:", "to whom"),
    ("content: form", "content: json", "    body:", "body is not JSON"),
    ("content: form", "content: xlm", "content: xlm", "did you mean `xml`?"),
    ("    content: form\n    body: to=${to}&text=${short}&token=${env:SMS_TOKEN}",
     '    body: \'{"to": ${to}, "text": "${short}"}\'', "    body:", "put the hole in quotes"),
    ("    method: PUT", "    method: GET", "    body:", "GET has none"),
    ("    body: to=${to}&text=${short}&token=${env:SMS_TOKEN}\n", "", "  sms:", "`body` is missing"),
    ("status: [200]", "status: [99]", "status: [99]", "no HTTP status"),
    ("path: code", "path: a b", "path: a b", "dots between"),
    ("path: code, ", "", "equals: [0", "add path"),
    ("retry: [1]", "retry: [ok]", "retry: [ok]", "in one of the two"),
    ("gsm7: 2", "gsm7: 11", "gsm7: 11", "write 1 to 10 segments"),
    ("style: short", "style: long", "style: long", "known here: full, short"),
    ("    kind: slack", "    kind: slack\n    url_env: X", "url_env: X", "means nothing to kind slack"),
    ("    url: https://hooks.example.com/x", "    url: hooks", "url: hooks", "write it as https"),
    ("    url: https://hooks.example.com/x", "    url: https://h.example.com\n    url_env: PAGER_URL",
     "    url: https://h", "keep one of them"),
    ("    url: https://hooks.example.com/x\n", "", "  pager:", "add url or url_env"),
    ("    url: https://hooks.example.com/x", "    url: https://hooks.slack.com/services/T0/B0/x", "url: https://hooks.sl",
     "from the environment"),
    ("pager-2:", "Pager_2:", "Pager_2", "small letters"),
    ("burst: 10", "burst: 0", "limit:", "write 1 to 10000"),
    ("reserved: 2", "reserved: 10", "limit:", "write 0 to 9"),
    ("every: 30s", "every: 0s", "limit:", "write 1s to 24h"),
    ("interval: 30s", "interval: 1s", "heartbeat:", "write 5s to 24h"),
    ("heartbeat: {url_env: HEARTBEAT_URL, ", "heartbeat: {", "heartbeat:", "add url_env: HEARTBEAT_URL"),
    ("limit:", "limits:", "limits:", "did you mean `limit`?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "marker", "words"), BROKEN)
def test_each_fault_names_its_line_and_its_mend(folder, old, new, marker, words):
    assert old in FULL
    settings, problems, _ = _checked(folder, FULL.replace(old, new, 1))
    assert settings is None
    where = (str(folder.file("channels.yaml")), folder.line("channels.yaml", marker))
    here = [str(p) for p in problems if (p.file, p.line) == where]
    assert any(words in text for text in here), "\n".join(map(str, problems))
    assert len(problems) <= 3, "\n".join(map(str, problems))
    assert "hush" not in "".join(map(str, problems))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SMTP_URL", "mail.example.com", "does not begin with smtp://"),
        ("SMTP_URL", "smtp://u:p/hush@mail.example.com", "SMTP_URL:"),
        ("SMTP_URL", "smtp://u@mail.example.com", "a user without a password"),
        ("SMTP_URL", "smtp://u:hush@mail.example.com?starttls=never", "in the clear"),
        ("SMTP_URL", "smtp://mail.example.com?starttls=always", "not a choice"),
        ("SMTP_URL", "smtps://mail.example.com?starttls=never", "not an option of smtps://"),
        ("SMTP_URL", "smtp://mail.example.com?ca_file=/nowhere", "cannot be read"),
        ("SMTP_URL", "smtp://mail.example.com?helo=", "is empty"),
        ("SMTP_URL", "smtp://mail.example.com:99999", "not a URL"),
        ("PHONE_URL", "hush", "not an Apprise URL"),
        ("PAGER_KEY", "hush", "too short"),
        ("PAGER_URL", "hooks.example.com/hush", "PAGER_URL is not a URL"),
        ("HEARTBEAT_URL", "hush", "HEARTBEAT_URL is not a URL"),
        ("SMS_TOKEN_FILE", "/x", "are both set"),
    ],
)
def test_what_is_wrong_with_the_environment(folder, name, value, words):
    settings, problems, _ = _checked(folder, FULL, ENVIRON | {name: value})
    assert settings is None
    assert any(words in str(p) for p in problems), problems
    assert {p.file for p in problems} == {"environment"}
    assert "hush" not in "".join(map(str, problems))


def test_the_clear_is_good_enough_on_this_machine():
    server = parse_smtp_url("smtp://u:p@127.0.0.1:2525?starttls=never&helo=bot.example.com")
    assert server == SmtpServer("127.0.0.1", 2525, "never", "u", Secret("p"), "", "bot.example.com")


@given(st.text(max_size=60))
def test_any_text_is_a_mail_server_or_one_clear_error(text):
    for url in (text, f"smtp://{text}", f"smtps://u:{text}@h", f"smtp://h?{text}"):
        try:
            assert parse_smtp_url(url).host
        except SmtpUrlError as error:
            assert error.what and error.mend and "\n" not in str(error)


@given(st.lists(st.one_of(st.text("ab ${}\"'", max_size=8), st.sampled_from(["${to}", "${env:X}", "$$"])), max_size=8))
def test_a_template_fills_every_hole_or_is_refused(pieces):
    text = "".join(pieces)
    try:
        template = parse_template(text, HOLES)
    except TemplateError as error:
        assert error.mend
        return
    filled = template.fill({"to": "«T»", "env:X": "«X»"})
    assert filled.count("«T»") == text.replace("$$", "").count("${to}") or "$$" in text
    assert template.variables <= {"X"}


def test_what_is_filled_in_is_not_looked_at_again():
    template = parse_template("$$a $${to} ${to} $b", HOLES)
    assert template.fill({"to": "${key} $$"}) == "$a ${to} ${key} $$ $b"
