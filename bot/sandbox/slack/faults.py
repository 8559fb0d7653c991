"""What can be made to go wrong: every switch is plain data, so that a test or the page can set and read it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Outage = Literal["", "503", "reset"]


@dataclass
class RateLimit:
    """Answer 429 to a method: always, the next `times` calls, or each `every`-th call."""

    retry_after: int = 1
    times: int | None = None
    every: int | None = None
    seen: int = 0

    def strikes(self) -> bool:
        self.seen += 1
        if self.every is not None:
            return self.seen % self.every == 0
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


@dataclass
class Faults:
    """The switches.

    `rate_limits` by method name or `"*"`; `errors` by method: the code it always answers (`unknown_method`);
    `lose_responses` by method: how many calls are carried out and then cut off before the answer;
    `outage`: `"503"` or `"reset"` for the whole Web API, `""` for none;
    `delay`: seconds each delivery to the app waits; `repeat`: every delivery is sent twice;
    `reorder`: events are delivered in swapped pairs; `drop_acks`: how many acks are ignored (-1 = all).
    """

    rate_limits: dict[str, RateLimit] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    lose_responses: dict[str, int] = field(default_factory=dict)
    outage: Outage = ""
    delay: float = 0.0
    repeat: bool = False
    reorder: bool = False
    drop_acks: int = 0

    def rate_limit(
        self, method: str = "*", *, retry_after: int = 1, times: int | None = None, every: int | None = None
    ) -> None:
        """Switch a 429 on. `retry_after` in whole seconds, as Slack sends it."""
        self.rate_limits[method] = RateLimit(retry_after, times, every)

    def disable(self, *methods: str, error: str = "unknown_method") -> None:
        """Make methods answer `error`, as a server that does not have them would."""
        self.errors.update(dict.fromkeys(methods, error))

    def clear(self) -> None:
        fresh = Faults()
        for name in asdict(fresh):
            setattr(self, name, getattr(fresh, name))

    def limited(self, method: str) -> int | None:
        """Seconds for Retry-After when this call is to be refused, else None."""
        for name in (method, "*"):
            rule = self.rate_limits.get(name)
            if rule is not None and rule.strikes():
                return rule.retry_after
        return None

    def takes_response(self, method: str) -> bool:
        left = self.lose_responses.get(method, 0)
        if left <= 0:
            return False
        self.lose_responses[method] = left - 1
        return True

    def takes_ack(self) -> bool:
        if self.drop_acks > 0:
            self.drop_acks -= 1
            return True
        return self.drop_acks < 0

    def apply(self, wanted: dict[str, Any]) -> None:
        """Set switches from JSON of the shape `to_json` gives; unnamed ones stay. Raises ValueError."""
        for name, value in wanted.items():
            if name == "rate_limits":
                self.rate_limits = {method: RateLimit(**rule) for method, rule in dict(value).items()}
            elif name == "outage" and value not in ("", "503", "reset"):
                raise ValueError("outage must be one of '', '503', 'reset'")
            elif not hasattr(Faults(), name) or callable(getattr(self, name)):
                raise ValueError(f"unknown fault {name!r}; known: {sorted(asdict(self))}")
            else:
                current = getattr(self, name)
                setattr(self, name, type(current)(value))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
