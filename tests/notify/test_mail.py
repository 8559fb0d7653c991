"""Mail against a real SMTP server that refuses, waits, hangs and drops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.engine.ports.errors import Final, Retryable
from bot.notify.mail import MailChannel
from bot.notify.mail_message import message_id
from config.channels import MailSettings
from tests.notify.conftest import Offices, Post, a_notification, mail_settings

LIN = "lin@example.com"
USER, PASSWORD = "bot@example.com", "hunter2"


class Mails:
    """Channels that are closed after the test."""

    def __init__(self) -> None:
        self.open: list[MailChannel] = []

    def __call__(self, settings: MailSettings) -> MailChannel:
        self.open.append(MailChannel(settings))
        return self.open[-1]


@pytest.fixture
async def mail_to() -> AsyncIterator[Mails]:
    mails = Mails()
    yield mails
    for channel in mails.open:
        await channel.aclose()


async def test_a_mail_arrives_whole(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post())
    notification = a_notification(
        subject="[Critical] 品牌诊断系统：错误率 12.5% 超过 10%，已持续五分钟，请尽快处理并回复此邮件",
        html="<p>错误率</p>",
        thread="error_rate/1",
    )
    assert await mail_to(mail_settings(post)).send(LIN, notification) == "2.0.0 OK queued as 1A2B"
    (mail,) = post.mails
    assert (post.senders, post.to) == (["bot@example.com"], [LIN])
    assert mail["Subject"] == notification.subject
    assert mail["From"] == "Rollout bot <bot@example.com>"
    assert (mail["To"], mail["List-Id"], mail["Auto-Submitted"]) == (LIN, "<alerts.example.com>", "auto-generated")
    assert (mail["Importance"], mail["Message-ID"]) == ("high", message_id(notification.key, "example.com"))
    assert mail["References"] == mail["In-Reply-To"] != mail["Message-ID"]
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None and text.get_content().replace("\r\n", "\n").strip() == notification.text
    assert html is not None and html.get_content().strip() == notification.html
    assert post.raw[0].isascii() and max(map(len, post.raw[0].split(b"\r\n"))) < 999


async def test_one_connection_carries_many_mails(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post())
    channel = mail_to(mail_settings(post))
    for number in range(3):
        await channel.send(LIN, a_notification(f"k{number}"))
    assert len(post.raw) == 3
    assert len(set(map(id, post.sessions))) == 1


async def test_many_at_once_use_no_more_connections_than_allowed(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post())
    channel = mail_to(mail_settings(post, connections=2))
    await asyncio.gather(*(channel.send(LIN, a_notification(f"k{number}")) for number in range(20)))
    assert len({mail["Message-ID"] for mail in post.mails}) == 20
    assert len(set(map(id, post.sessions))) <= 2


async def test_a_connection_the_server_ended_meanwhile_is_made_anew(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post())
    channel = mail_to(mail_settings(post))
    await channel.send(LIN, a_notification("k1"))
    post.drop_idle()
    await channel.send(LIN, a_notification("k2"))
    assert len(post.raw) == 2


async def test_starttls_with_a_password(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post(), tls="starttls", auth=True)
    channel = mail_to(mail_settings(post, "required", USER, PASSWORD))
    assert await channel.check() == ""
    assert not post.senders
    await channel.send(LIN, a_notification())
    assert post.was_encrypted == [True]


async def test_tls_from_the_first_byte(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post(), tls="implicit")
    await mail_to(mail_settings(post, "implicit")).send(LIN, a_notification())
    assert post.was_encrypted == [True]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_certificate_of_somebody_else(offices: Offices, mail_to: Mails, tls: str) -> None:
    post = await offices.open(Post(), tls=tls, name="other.example.com")
    channel = mail_to(mail_settings(post, "required" if tls == "starttls" else "implicit"))
    with pytest.raises(Retryable, match=r"certificate that is not valid.*ca_file"):
        await channel.send(LIN, a_notification())
    assert "ca_file" in await channel.check()
    assert not post.raw


async def test_no_encryption_where_it_is_required(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post())
    with pytest.raises(Retryable, match=r"no STARTTLS: have it offer that"):
        await mail_to(mail_settings(post, "required")).send(LIN, a_notification())
    await mail_to(mail_settings(post, "optional")).send(LIN, a_notification())
    assert len(post.raw) == 1


async def test_a_wrong_password_is_said_and_not_shown(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post(password="other"), tls="starttls", auth=True)
    channel = mail_to(mail_settings(post, "required", USER, PASSWORD))
    said = await channel.check()
    assert "correct the user and the password" in said and PASSWORD not in said
    with pytest.raises(Retryable, match="535") as caught:
        await channel.send(LIN, a_notification())
    assert caught.value.after == 30.0
    post.password = PASSWORD
    await channel.send(LIN, a_notification())


async def test_a_server_that_wants_a_password_it_was_not_given(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post(), tls="starttls", auth=True)
    with pytest.raises(Retryable, match=r"530.*correct the user"):
        await mail_to(mail_settings(post, "required")).send(LIN, a_notification())


async def test_a_password_for_a_server_that_has_no_use_for_it(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post())
    with pytest.raises(Retryable, match="remove user and password"):
        await mail_to(mail_settings(post, "never", USER, PASSWORD)).send(LIN, a_notification())


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        ("450 4.2.0 Greylisted, please try again in 5 minutes", 300.0),
        ("451 4.7.1 try again after 90 seconds", 90.0),
        ("452 4.2.2 The mailbox is full", None),
        ("450 4.7.1 for 99999 min", 3600.0),
    ],
)
async def test_greylisting_waits_as_it_is_told(
    offices: Offices, mail_to: Mails, answer: str, after: float | None
) -> None:
    post = await offices.open(Post(rcpt=[answer, "250 OK"]))
    channel = mail_to(mail_settings(post))
    with pytest.raises(Retryable, match=answer[:9]) as caught:
        await channel.send(LIN, a_notification())
    assert caught.value.after == after
    await channel.send(LIN, a_notification())
    assert len(set(map(id, post.sessions))) == 1  # a refusal costs no connection


async def test_a_refused_recipient_is_final_and_the_next_one_is_not(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post(rcpt=["550 5.1.1 No such user", "250 OK"]))
    channel = mail_to(mail_settings(post))
    with pytest.raises(Final, match=r"nobody@example.com: 550 .* — correct the address"):
        await channel.send("nobody@example.com", a_notification())
    await channel.send(LIN, a_notification())
    assert post.to == [LIN]


async def test_refused_content(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post(data=["554 5.7.1 Looks like spam", "451 4.3.0 Queue is full", "250 OK"]))
    channel = mail_to(mail_settings(post))
    with pytest.raises(Final, match="let the server accept"):
        await channel.send(LIN, a_notification())
    with pytest.raises(Retryable, match="Queue is full"):
        await channel.send(LIN, a_notification())
    await channel.send(LIN, a_notification())


async def test_a_refused_sender_can_be_mended(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post(mail=["550 5.7.1 Not your address", "250 OK"]))
    channel = mail_to(mail_settings(post))
    with pytest.raises(Retryable, match=r"from bot@example.com, or correct `from`"):
        await channel.send(LIN, a_notification())
    await channel.send(LIN, a_notification())


async def test_a_connection_cut_before_the_mail(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post(rcpt=["drop", "250 OK"]))
    channel = mail_to(mail_settings(post))
    with pytest.raises(Retryable) as caught:
        await channel.send(LIN, a_notification())
    assert "may have arrived" not in str(caught.value)
    await channel.send(LIN, a_notification())
    assert len(post.raw) == 1


async def test_a_lost_answer_is_sent_again_under_the_same_id(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post(data=["drop", "250 OK"]))
    channel = mail_to(mail_settings(post))
    with pytest.raises(Retryable, match="may have arrived"):
        await channel.send(LIN, a_notification())
    await channel.send(LIN, a_notification())
    assert len(post.raw) == 2
    assert len({mail["Message-ID"] for mail in post.mails}) == 1


async def test_a_server_that_never_answers(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post(hold=asyncio.Event()))
    with pytest.raises(Retryable, match="no answer in time; the mail may have arrived"):
        await mail_to(mail_settings(post, timeout=2.0)).send(LIN, a_notification())
    assert post.hold is not None
    post.hold.set()


async def test_a_server_that_hangs_holds_up_nobody_elses_cancellation(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post(hold=asyncio.Event()))
    channel = mail_to(mail_settings(post, connections=1))
    sending = asyncio.create_task(channel.send(LIN, a_notification("k1")))
    await post.reached.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert post.hold is not None
    post.hold.set()
    post.hold = None
    await channel.send(LIN, a_notification("k2"))  # on a connection of its own, not amid the other's answers
    assert post.mails[-1]["Message-ID"] == message_id("k2", "example.com")


async def test_nobody_there(offices: Offices, mail_to: Mails) -> None:
    post = await offices.open(Post())
    offices.servers[0].close()
    await offices.servers[0].wait_closed()
    channel = mail_to(mail_settings(post))
    with pytest.raises(Retryable, match="cannot be reached"):
        await channel.send(LIN, a_notification())
    assert "cannot be reached" in await channel.check()


@pytest.mark.parametrize(
    "to", ["", "lin", "lin@example.com\r\nRCPT TO:<x@example.com>", "a@b.c, d@e.f", "林@example.com"]
)
async def test_what_is_no_address(offices: Offices, mail_to: Mails, to: str) -> None:
    post = await offices.open(Post())
    with pytest.raises(Final, match="write it as lin@example"):
        await mail_to(mail_settings(post)).send(to, a_notification())
    assert not post.senders
