"""A real sshd on loopback, as the fleet's tests have it."""

from __future__ import annotations

from tests.fleet.conftest import sshd

__all__ = ["sshd"]
