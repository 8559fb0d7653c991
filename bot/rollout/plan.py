"""The plan of a service: what the YAML says, as frozen values. Pure; `config` parses into it, everything else reads it.

Units are fixed here once: durations in seconds, weights in percent of traffic (0 to 100, two decimals at most),
thresholds in the metric's own base unit (`percent` as 0..100, `seconds`, `count`, `ratio`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from bot.rollout.comparing import Op, compare
from bot.rollout.runbook import Runbook

Strategy = Literal["weighted", "sticky", "blue_green"]
Unit = Literal["percent", "seconds", "count", "ratio"]
Pool = Literal["stable", "canary"]


class OnVerdict(StrEnum):
    """What a stage does when its bake ends without a pass."""

    HOLD = "hold"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Metric:
    """A named PromQL. `samples` names the metric that counts the observations behind this one, if any."""

    name: str
    unit: Unit
    query: str
    title: str = ""
    per_pool: bool = True  # False: one value for the whole service, shown in the canary column
    samples: str | None = None
    min_samples: int | None = None  # overrides the stage's, for a metric with few observations by nature


@dataclass(frozen=True, slots=True)
class Condition:
    """`metric op threshold`. As a gate it must hold for a pass; as a trigger, holding for `hold_for` rolls back.

    hold_for: seconds the condition must hold without a gap; 0 = the first reading counts. Gates ignore it.
    window: seconds the query looks back (triggers; a gate looks back over its whole bake).
    """

    text: str
    metric: str
    op: Op
    threshold: float
    hold_for: float = 0.0
    window: float = 0.0

    def holds(self, value: float) -> bool:
        return compare(value, self.op, self.threshold)


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """Who lets a stage start. `roles` are names in people.yaml; emoji are Slack names without colons."""

    emoji: str = "white_check_mark"
    veto: str = "x"
    quorum: int = 1
    roles: tuple[str, ...] = ()
    expires: float = 4 * 3600


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    bake: float
    max_bake: float
    gates: tuple[Condition, ...]
    approval: ApprovalRule
    audience: Literal["internal"] | None = None
    weight: float = 0.0  # percent of everyone; 0 with an audience means the audience alone
    min_samples: int = 100
    min_readings: int = 3
    on_fail: OnVerdict = OnVerdict.HOLD
    on_not_enough_data: OnVerdict = OnVerdict.HOLD
    on_blind: OnVerdict = OnVerdict.HOLD


@dataclass(frozen=True, slots=True)
class InternalAudience:
    cidrs: tuple[str, ...] = ()
    header: tuple[str, str] | None = None  # (name, value)


@dataclass(frozen=True, slots=True)
class Traffic:
    """stable and canary are `address:port` of the backends as the plan names them (before any swap of roles)."""

    strategy: Strategy
    stable: tuple[str, ...]
    canary: tuple[str, ...]
    stable_version: str  # what the stable pool served before the bot's first rollout
    upstream: str = ""  # weighted: the name of the existing upstream it stands in for
    sticky_by: tuple[str, ...] = ("$cookie_uid", "$remote_addr")
    override_cookie: tuple[str, str] | None = None  # (name, value)
    internal: InternalAudience = field(default_factory=InternalAudience)
    log_path: str = ""  # access log with the pool in it; "" leaves logging to the person's own config
    keepalive: int = 16  # idle connections a worker keeps to each pool; 0 = none
    keep_warm: float = 0.0  # blue_green: seconds the old pool must stay up after the last stage passed


@dataclass(frozen=True, slots=True)
class Host:
    """One nginx host and where nginx lives on it. All paths are on that host."""

    name: str
    address: str = ""  # ssh: where to connect, default the name
    port: int = 22
    user: str = ""
    nginx: str = "nginx"  # the binary
    nginx_conf: str = "/etc/nginx/nginx.conf"
    conf_dir: str = "/etc/nginx/conf.d"  # must be included by nginx_conf inside http {}
    pid_file: str = "/run/nginx.pid"
    status: str = "127.0.0.1:8911"  # where the generated file's own read-back server listens
    wave: int = 0  # 1 = goes first, and so on; 0 = with the last
    jump: str = ""  # ssh: the machine on the way, `[user@]address[:port]`; "" = none but what ~/.ssh/config says


@dataclass(frozen=True, slots=True)
class FleetPlan:
    executor: Literal["local", "ssh"]
    hosts: tuple[Host, ...]
    known_hosts: str = ""  # ssh: file; "" = the user's own. Never disabled
    key_file: str = ""  # ssh: private key file; "" = agent or the user's default keys
    host_deadline: float = 20.0  # seconds for one verb on one host
    concurrency: int = 32
    wave_bake: float = 300.0  # seconds a wave is watched before the next follows
    max_unavailable: int = 0  # hosts that a shift may leave out because they do not answer
    worker_shutdown_timeout: float = 0.0  # seconds nginx.conf must say; `host check` compares. 0 = any


@dataclass(frozen=True, slots=True)
class ShareRule:
    """What the canary really gets must come to the stage's weight before a bake begins.

    metric: a count per pool of the requests that nginx split. tolerance: percentage points that are near enough.
    warn_after: seconds without coming to it, until the channel is told.
    """

    metric: str
    tolerance: float = 1.0
    warn_after: float = 600.0


@dataclass(frozen=True, slots=True)
class StepDownRule:
    """How a person takes back a version that is not broken: percents, falling, then nothing; `every` seconds each."""

    steps: tuple[float, ...]
    every: float = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    service: str
    title: str
    channel: str  # name without '#', or a channel id
    traffic: Traffic
    fleet: FleetPlan
    metrics: tuple[Metric, ...]
    stages: tuple[Stage, ...]
    triggers: tuple[Condition, ...]
    interval: float = 15.0  # seconds between evaluations of gates and triggers
    drift_interval: float = 60.0
    watch: float = 24 * 3600.0
    blind_warning: float = 120.0  # seconds of blindness before the channel is told
    trigger_min_samples: int = 20
    promote: Literal["manual", "auto"] = "manual"  # auto: a passed stage asks for the next approval by itself
    start_roles: tuple[str, ...] = ()  # who may start; () = anyone who can type in the channel
    operate_roles: tuple[str, ...] = ()  # who may promote, pause, …; () = any approver or the initiator
    share: ShareRule | None = None  # None: the share is shown where it can be measured, and nothing waits for it
    step_down: StepDownRule | None = None  # None: every rollback is at once
    runbook: Runbook = field(default_factory=Runbook)
    source: str = ""  # the canonical text the hash is made of

    @property
    def hash(self) -> str:
        """Twelve hex digits of the SHA-256 of the plan's meaning; an approval is bound to it."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:12]

    def metric(self, name: str) -> Metric:
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(name)

    def stage(self, name: str) -> Stage:
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)
