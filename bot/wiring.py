"""Building the parts from the settings, for the bot itself and for the commands of the shell."""

from __future__ import annotations

from collections.abc import Mapping

from bot.engine.ports.fleet import Fleet
from bot.fleet.local import LocalTransport
from bot.fleet.router import FleetRouter
from bot.fleet.ssh import SshTransport
from bot.fleet.transport import Transport
from bot.rollout.plan import FleetPlan, Plan


def build_fleets(plans: Mapping[str, Plan]) -> dict[str, Fleet]:
    """One router a service; closing them closes their connections."""
    return {service: _fleet(plan.fleet) for service, plan in plans.items()}


def build_transport(plan: FleetPlan) -> Transport:
    """The caller closes it."""
    if plan.executor == "local":
        return LocalTransport()
    return SshTransport(plan.known_hosts, plan.key_file, connects=plan.concurrency)


def _fleet(plan: FleetPlan) -> Fleet:
    return FleetRouter(plan.hosts, build_transport(plan), plan.host_deadline, plan.concurrency)
