"""The demo's mail server and SMS gateway, over their own protocols."""

from __future__ import annotations

from email.message import EmailMessage

import aiohttp
import aiosmtplib
from aiohttp import web

from bot.sandbox.demo.inbox import Inbox, Letter
from bot.sandbox.production.ports import Ports


async def test_a_mail_comes_in_over_smtp() -> None:
    told: list[Letter] = []
    inbox, ports = Inbox(told.append), Ports()
    port = ports.take()
    await inbox.start(port)
    try:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "bot@example.com", "oncall@example.com", "回滚: brand-diagnosis"
        mail.set_content("错误率 31 %\n")
        mail.add_alternative("<b>31 %</b>", subtype="html")
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=False)
    finally:
        await inbox.stop()
        ports.close()
    (letter,) = inbox.letters
    assert told == [letter] and letter.kind == "mail"
    assert (letter.sender, letter.to) == ("bot@example.com", ("oncall@example.com",))
    assert (letter.subject, letter.text) == ("回滚: brand-diagnosis", "错误率 31 %")


async def test_an_sms_comes_in_over_http_and_a_wrong_one_is_refused_with_the_mend() -> None:
    inbox = Inbox()
    app = web.Application()
    app.router.add_post("/sms", inbox.sms)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/sms"
        async with aiohttp.ClientSession() as session:
            for wrong in ({}, {"to": "+8613800000000"}, {"to": [], "text": ""}, ["to"]):
                async with session.post(url, json=wrong) as answer:
                    assert answer.status == 400 and "text" in (await answer.json())["error"]
            async with session.post(url, json={"to": ["+1", "+2"], "text": "down"}) as answer:
                assert await answer.json() == {"ok": True, "id": 1}
    finally:
        await runner.cleanup()
    assert [(x["kind"], x["to"], x["text"]) for x in inbox.to_json()] == [("sms", ("+1", "+2"), "down")]
