"""What happens to single hosts beside the shifts. Part of `events`, which everything else imports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostsCaughtUp:
    """Hosts that were left out answer again, and were brought to the generation that they missed."""

    generation: int
    hosts: tuple[str, ...]
    at: float
