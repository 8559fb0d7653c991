"""How much reaches one recipient: for every sequence of notifications and times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.notify.digest import digest_notification
from bot.notify.limiter import KEPT, Allowed, Digest, Held, HeldBack, Recipient, digest_due, fresh, offer, release
from config.channels import LimitSettings
from tests.notify.conftest import a_notification

LIMITS = st.integers(1, 12).flatmap(
    lambda burst: st.builds(
        LimitSettings, burst=st.just(burst), every=st.floats(0.5, 600), reserved=st.integers(0, burst - 1)
    )
)
# (seconds since the one before, whether it is critical)
WALKS = st.lists(st.tuples(st.sampled_from([0.0, 0.0, 0.1, 1.0, 30.0, 500.0, -100.0]), st.booleans()), max_size=150)
T0 = 1_700_000_000.0


class Walk:
    """One recipient through a walk, with the digest released as soon as it is due."""

    def __init__(self, limit: LimitSettings) -> None:
        self.limit, self.state, self.now = limit, fresh(limit, T0), T0
        self.sent: list[tuple[str, float]] = []
        self.told: list[str] = []
        self.counted = 0
        self.at: list[float] = []

    def step(self, number: int, pause: float, critical: bool) -> Allowed | HeldBack:
        self.now += pause
        self._release()
        notification = a_notification(f"k{number}", severity="critical" if critical else "warning")
        self.state, decision = offer(self.state, self.limit, notification, self.now)
        if isinstance(decision, Allowed):
            self.sent.append((notification.key, self.now))
            self.at.append(self.now)
        else:
            assert decision.digest_at >= self.now
        return decision

    def _release(self) -> None:
        self.state, digest = release(self.state, self.limit, self.now)
        if digest:
            self.at.append(self.now)
            self.told += [held.key for held in digest.held]
            self.counted += digest.count

    def to_the_end(self) -> None:
        due = digest_due(self.state, self.limit, self.now)
        if due is not None:
            self.now = due
            self._release()
        assert digest_due(self.state, self.limit, self.now) is None, "what is due goes when it is due"


@given(LIMITS, WALKS)
def test_nothing_is_lost_and_nothing_is_told_twice(limit: LimitSettings, steps: list[tuple[float, bool]]) -> None:
    walk = Walk(limit)
    held = [f"k{n}" for n, step in enumerate(steps) if isinstance(walk.step(n, *step), HeldBack)]
    walk.to_the_end()
    assert walk.counted == len(held)
    assert len(walk.told) == len(set(walk.told))
    assert set(walk.told) <= set(held)
    assert len(walk.sent) + walk.counted == len(steps)


@given(LIMITS, st.lists(st.tuples(st.sampled_from([0.0, 0.1, 1.0, 30.0]), st.booleans()), max_size=150))
def test_never_more_than_the_limit_in_any_time(limit: LimitSettings, steps: list[tuple[float, bool]]) -> None:
    walk = Walk(limit)
    for number, step in enumerate(steps):
        walk.step(number, *step)
    for first in range(len(walk.at)):
        for last in range(first, len(walk.at)):
            room = limit.burst + (walk.at[last] - walk.at[first]) / limit.every
            assert last - first + 1 <= room + 1e-6


@given(LIMITS)
def test_the_reserve_is_for_critical(limit: LimitSettings) -> None:
    walk = Walk(limit)
    decisions = [walk.step(n, 0.0, False) for n in range(limit.burst)]
    assert sum(isinstance(one, Allowed) for one in decisions) == limit.burst - limit.reserved
    critical = [walk.step(100 + n, 0.0, True) for n in range(limit.reserved + 1)]
    assert [isinstance(one, Allowed) for one in critical] == [True] * limit.reserved + [False]


def test_what_comes_while_a_digest_waits_joins_it_unless_it_is_critical() -> None:
    limit = LimitSettings(burst=3, every=10.0, reserved=1)
    state = Recipient(0.0, T0)
    state, _ = offer(state, limit, a_notification("a", severity="warning"), T0)
    state, decision = offer(state, limit, a_notification("b", severity="warning"), T0 + 25)
    assert decision == HeldBack(T0 + 25)  # there is a token for it, but people would read it before `a`
    state, decision = offer(state, limit, a_notification("c"), T0 + 25)
    assert decision == Allowed()
    state, digest = release(state, limit, T0 + 35)
    assert digest is not None and [held.key for held in digest.held] == ["a", "b"]


def test_a_clock_that_is_set_back_neither_gives_nor_blocks() -> None:
    limit = LimitSettings(burst=2, every=10.0, reserved=0)
    state = Recipient(0.0, T0)
    state, decision = offer(state, limit, a_notification(), T0 - 3600)
    assert decision == HeldBack(T0 - 3600 + 10.001)
    assert digest_due(state, limit, T0 - 3600) == T0 - 3600 + 10.001
    assert release(state, limit, T0 - 3590)[1] is not None


def test_a_flood_costs_no_more_memory_than_a_page() -> None:
    limit = LimitSettings(burst=1, every=60.0, reserved=0)
    state = fresh(limit, T0)
    for number in range(1000):
        state, _ = offer(state, limit, a_notification(f"k{number}", severity="warning"), T0 + number / 1000)
    assert len(state.held) == KEPT
    state, digest = release(state, limit, T0 + 120)
    assert digest is not None
    assert (digest.count, len(digest.held), digest.since, digest.until) == (999, KEPT, T0 + 0.001, T0 + 0.999)
    assert digest.severity == "warning"


def test_a_critical_among_the_held_takes_the_digest_out_of_the_reserve() -> None:
    limit = LimitSettings(burst=3, every=60.0, reserved=1)
    state = Recipient(0.0, T0)
    state, _ = offer(state, limit, a_notification("a", severity="warning"), T0)
    assert digest_due(state, limit, T0) == T0 + 120.001
    state, _ = offer(state, limit, a_notification("b"), T0)
    assert digest_due(state, limit, T0) == T0 + 60.001
    state, digest = release(state, limit, T0 + 61)
    assert digest is not None and digest.severity == "critical"


HELD = (Held("a", "critical", "错误率 12.5%", T0), Held("b", "warning", "p95 6s", T0 + 60))


def test_a_digest_reads_in_either_language_and_never_in_both() -> None:
    digest = Digest(HELD, 5, "critical", T0, T0 + 300)
    english = digest_notification(digest, "en", "UTC")
    assert english.subject == "[rollout-bot] 5 alerts were held back, 22:13 to 22:18"
    assert english.text.splitlines() == [
        "Too much at once for one recipient: these 5 were not sent one by one.",
        "22:13 Critical: 错误率 12.5%",
        "22:14 Warning: p95 6s",
        "… and 3 more.",
    ]
    chinese = digest_notification(digest, "zh", "Asia/Shanghai")
    assert chinese.subject == "[rollout-bot] 06:13 至 06:18 有 5 条告警未逐条发送"
    assert "Critical" not in chinese.text and "06:14 警告: p95 6s" in chinese.text and "另有 3 条" in chinese.text
    assert (english.severity, english.short) == ("critical", f"{english.subject}: 错误率 12.5%")


def test_the_key_is_of_what_it_tells() -> None:
    one = digest_notification(Digest(HELD, 2, "critical", T0, T0 + 60), "en", "UTC")
    assert one.key == digest_notification(Digest(HELD, 2, "critical", T0, T0 + 60), "zh", "UTC").key
    assert one.key != digest_notification(Digest(HELD, 3, "critical", T0, T0 + 61), "en", "UTC").key
    assert one.key != digest_notification(Digest(HELD[:1], 2, "critical", T0, T0 + 60), "en", "UTC").key
