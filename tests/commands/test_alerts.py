"""What people type about alerts, on the real core, in the words of the bot."""

from __future__ import annotations

import itertools

import pytest

from bot.rollout.model import Person
from bot.slack.messages import Messages
from commands.desk import Call
from commands.registry import run
from tests.alerts.kit import BOT, LIN, WANG, a_plan, a_signal
from tests.engine.alert_rig import AlertRig

_causes = itertools.count()


class Desk:
    """AlertRig with a keyboard."""

    def __init__(self) -> None:
        self.rig = AlertRig()
        self.words = Messages("en", "UTC")

    async def type(self, line: str, actor: Person = LIN) -> str:
        call = Call(line, actor, f"trigger{next(_causes)}")
        found = await run(call, _Services(), self.words, self.rig.alerting)  # type: ignore[arg-type]
        await self.rig.work()
        texts = [b["text"]["text"] for b in found.blocks if b["type"] in ("section", "header")]  # type: ignore[index]
        return "\n".join(texts)

    async def fire(self, name: str = "ErrorRate", severity: str = "critical", **labels: str) -> str:
        await self.rig.observe(a_signal(name, severity, self.rig.now, **labels))
        state = await self.rig.state()
        (key,) = [k for k, g in state.groups.items() if dict(g.labels)["alertname"] == name]
        return key


class _Services:
    plans: dict[str, object] = {"shop": None, "another": None}  # noqa: RUF012


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_what_fires_is_listed_with_who_is_on_it(desk: Desk) -> None:
    assert "Nothing fires" in await desk.type("alerts")
    key = await desk.fire()
    listed = await desk.type("alerts")
    assert key[:6] in listed and "nobody is on it" in listed
    await desk.type(f"ack {key[:6]}")
    assert "<@U0LIN00001> is on it" in await desk.type("alerts shop")
    assert "Nothing fires" in await desk.type("alerts another")
    await desk.fire("Elsewhere", service="billing")
    assert "Elsewhere" in await desk.type("alerts Billing")  # no rollouts are made of it, and it has alerts


async def test_acknowledged_it_is_neither_repeated_nor_escalated(desk: Desk) -> None:
    await desk.fire()
    assert "You are on" in await desk.type("ack")  # there is only one
    for _ in range(5):
        await desk.rig.tick(3600)
    assert desk.rig.sms.to("+15555550101") == []  # the escalation
    assert len(desk.rig.mail.sent) == 1
    assert "already acknowledged" in await desk.type("ack errorrate", WANG)


async def test_what_nobody_was_told_of_is_not_meant_by_a_bare_ack(desk: Desk) -> None:
    key = await desk.fire("ErrorRate", "critical")
    await desk.rig.observe(a_signal("ErrorRateHigh", "warning", desk.rig.now))
    assert f"You are on {key[:6]} ErrorRate:" in await desk.type("ack")
    another = await desk.fire("DiskFull", "critical")
    assert f"You are on {another[:6]} DiskFull:" in await desk.type("ack")


async def test_several_are_named_to_choose_from(desk: Desk) -> None:
    keys = {name: await desk.fire(name, "critical") for name in ("ErrorRate", "DiskFull")}
    asked = await desk.type("ack")
    assert all(f"`{key[:6]} {name}`" in asked for name, key in keys.items())
    assert f"You are on {keys['DiskFull'][:6]} DiskFull" in await desk.type(f"ack {keys['DiskFull'][:6]} DiskFull")


async def test_unacknowledged_it_is_escalated_and_says_so(desk: Desk) -> None:
    await desk.fire()
    await desk.rig.tick(899)
    assert desk.rig.sms.to("+15555550101") == []
    await desk.rig.tick(2)
    assert len(desk.rig.sms.to("+15555550101")) == 1
    (card,) = desk.rig.chat.by_key("alertcard:")
    assert "Critical" in card["text"]
    assert (await desk.rig.group()).step == 1
    await desk.rig.tick(3600)
    assert len(desk.rig.sms.to("+15555550101")) == 1  # the step is taken once
    assert len(desk.rig.mail.sent) == 2  # and what still fires is repeated to the others


async def test_an_acknowledgement_that_meets_the_end_is_not_lost(desk: Desk) -> None:
    key = await desk.fire()
    desk.rig.now += 1
    await desk.rig.observe(a_signal(severity="critical", over="over", at=desk.rig.now))
    assert "You are on" in await desk.type(f"ack {key}")
    assert (await desk.rig.group()).acked_by == LIN.user


async def test_more_of_it_after_an_acknowledgement_wants_another(desk: Desk) -> None:
    key = await desk.fire()
    await desk.type(f"ack {key}")
    desk.rig.now += 120
    await desk.rig.observe(a_signal(severity="critical", at=desk.rig.now, instance="db-2"))
    assert (await desk.rig.group()).acked_by == ""
    assert len(desk.rig.mail.sent) == 2


async def test_a_silence_holds_both_ways_and_can_be_ended(desk: Desk) -> None:
    said = await desk.type("silence service=shop signal=errors 2h planned work")
    id = said.split()[1].rstrip(":")
    await desk.fire()
    assert desk.rig.mail.sent == [] and desk.rig.sms.sent == []
    listed = await desk.type("alerts")
    assert "silenced" in listed and "planned work" in listed
    assert "over" in await desk.type(f"unsilence {id}")
    assert len(desk.rig.mail.sent) == 1


async def test_a_silence_runs_out_by_itself(desk: Desk) -> None:
    key = await desk.fire("Other", "critical")
    assert "silent for 30m" in await desk.type(f"silence {key} 30m")
    await desk.rig.tick(1801)
    assert (await desk.rig.state()).silences == {}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("silence service!=shop 1h", "silence everything"),
        ("silence service=shop 30d", "168 hours"),
        ("silence service=shop 30s", "name a time between"),
        ("silence service=shop", "For how long"),
        ("silence service=shop soon", "no time"),
        ("silence", "What is to be silent"),
        ("unsilence S999", "no silence"),
        ("ack nothing", "There is no alert"),
        ("why", "No alert waits"),
        ("unsilence", "No silence is on"),
        ("oncall swap", "Who, and for how long"),
        ("oncall swap nobody 2h", "nobody in people.yaml; there are `lin`, `wang`"),
        ("oncall swap wang 2h elsewhere", "Which rotation"),
        ("oncall swap wang 2h primary please", "please does not belong there"),
        ("alerts shpo", "There is no service shpo; there are `another`, `shop`"),
        ("silence service=~[ 1h", "regular expression"),
    ],
)
async def test_bad_input_names_the_mend_and_changes_nothing(desk: Desk, line: str, said: str) -> None:
    before = (await desk.rig.state()).seq
    assert said in await desk.type(line)
    assert (await desk.rig.state()).seq == before


async def test_who_may_not(desk: Desk) -> None:
    key = await desk.fire()
    assert "acknowledge nothing" in await desk.type(f"ack {key}", BOT)
    guest = Person("U0GUEST001", guest=True)
    assert "guests do not count" in await desk.type("silence service=shop 1h", guest)
    assert "guests do not count" in await desk.type("oncall swap wang 2h", guest)


async def test_why_names_every_step(desk: Desk) -> None:
    key = await desk.fire("ErrorRate", "critical")
    await desk.rig.observe(a_signal("ErrorRateHigh", "warning", desk.rig.now))
    explained = await desk.type(f"why {key}")
    assert "Route: critical" in explained
    assert "Goes to: dev-mail, dev-sms, dev-slack" in explained
    muted = await desk.type("why ErrorRateHigh")
    assert "ErrorRate says it already" in muted and "Nobody is told" in muted
    assert "inhibited: ErrorRateHigh (ErrorRate)" in muted
    assert all(f"{n}. " in explained for n in range(1, 8))


async def test_who_is_on_call_and_a_swap(desk: Desk) -> None:
    assert "<@U0LIN00001>" in (await desk.type("oncall")).split("then")[0]
    swapped = await desk.type("oncall swap <@U0WANG0001|wang> 12h")
    assert "<@U0WANG0001> (swapped by <@U0LIN00001>)" in swapped
    await desk.fire()
    assert {to for to, _ in desk.rig.sms.sent} == {"+15555550100", "+15555550112"}


async def test_without_alerts_yaml_it_says_so() -> None:
    found = await run(Call("alerts", LIN, "t"), _Services(), Messages("en", "UTC"))  # type: ignore[arg-type]
    assert "not set up" in found.text


async def test_quiet_hours_hold_back_until_they_end(desk: Desk) -> None:
    from bot.alerts.labels import parse_matcher
    from bot.alerts.plan import QuietHours

    nights = QuietHours("nights", (parse_matcher("severity = warning"),), "UTC", 9 * 60, 11 * 60)
    desk.rig.plan = a_plan(quiet=(nights,))
    desk.rig.build()
    await desk.rig.observe(a_signal("Slow", "warning", desk.rig.now))
    await desk.rig.tick(60)
    assert desk.rig.mail.sent == []
    assert "quiet hours" in await desk.type("alerts")
    await desk.rig.tick(3600)
    assert desk.rig.mail.subjects == ["[Warning] Slow · shop"]
