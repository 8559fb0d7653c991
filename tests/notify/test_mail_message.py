"""Whatever an alert says, its mail can be read back."""

from __future__ import annotations

import email
import email.policy

from hypothesis import example, given
from hypothesis import strategies as st

from bot.notify.mail_message import compose, message_id
from bot.notify.message import clean
from tests.notify.conftest import a_notification

ANY = st.text(st.characters(exclude_categories=[]), max_size=200)
WORDS = st.lists(
    st.sampled_from(["品牌诊断系统", "error_rate", "错误率：12.5%", "a" * 80, "é", "=?x?=", "👩‍👩‍👧"]), max_size=30
)


def _sent(**changed: str) -> email.message.EmailMessage:
    raw = compose("Bot <bot@example.com>", "alerts.example.com", "lin@example.com", clean(a_notification(**changed)), 0)
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    return email.message_from_bytes(raw, policy=email.policy.default)  # type: ignore[return-value]


@given(st.one_of(ANY, WORDS.map(" ".join)), ANY)
@example("a\r\nBcc: x@example.com", "\ud800")
@example("x" * 2000, ".\r\n.\r\n")
def test_subject_and_text_come_back(subject: str, text: str) -> None:
    mail = _sent(subject=subject, text=text)
    expected = clean(a_notification(subject=subject, text=text))
    assert "".join(str(mail["Subject"]).split()) == "".join(expected.subject.split())
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == expected.text.rstrip("\n")
    assert mail["Bcc"] is None


@given(st.text(max_size=80), st.text(max_size=80))
def test_an_id_belongs_to_one_key(one: str, other: str) -> None:
    assert (message_id(one, "example.com") == message_id(other, "example.com")) == (one == other)
    name = message_id(one, "example.com")
    assert name.isascii() and name.startswith("<") and name.endswith("@example.com>") and " " not in name
