"""A team's own configuration on this machine: its plan, people and channel, with demo services in place of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.rollout.plan import Plan
from bot.sandbox.demo.plans import Pace
from bot.sandbox.slack.demo import CHANNELS, PEOPLE, demo_workspace
from bot.sandbox.slack.models import User
from bot.sandbox.slack.workspace import Workspace
from config.people import People
from config.settings import Settings

MOST_HOSTS = 8


class RehearsalError(Exception):
    """This configuration cannot be rehearsed; says why, and the mend."""


@dataclass(frozen=True)
class Rehearsal:
    """folder: the configuration. pace: None leaves every duration as it is."""

    folder: Path
    plan: Plan
    people: People
    pace: Pace | None

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(host.name for host in self.plan.fleet.hosts)[:MOST_HOSTS]

    def differences(self) -> list[str]:
        """What is not as in production, in sentences."""
        theirs = ", ".join(host.name for host in self.plan.fleet.hosts)
        said = [
            f"{len(self.hosts)} real nginx on this machine stand for {theirs}.",
            "One demo service each stands for the stable and the canary backends; it serves the metrics that "
            "brand-diagnosis has. A gate on another metric will say that it has no data.",
            "Checks, checklist, backups, steps and the report's signatures are left out: they are of your machines.",
            "Your own people are in the workspace, with wang and zhao added to every group that has a role.",
        ]
        if self.pace:
            bakes = ", ".join(f"{seconds:g} s" for seconds in sorted(set(self.pace.bakes.values())))
            said.append(f"Every bake lasts {bakes}; triggers, watch and intervals are as short.")
        else:
            said.append("Every duration is as in your plan; --bake 20s makes the bakes short.")
        return said


def choose(settings: Settings, folder: Path, service: str | None, bake: float | None) -> Rehearsal:
    """bake: seconds, None = as planned. Raises RehearsalError naming the services there are."""
    plans = settings.plans
    if service is None and len(plans) > 1:
        raise RehearsalError(f"there are several services; say which with --service: {', '.join(sorted(plans))}")
    name = service or next(iter(plans))
    if name not in plans:
        raise RehearsalError(f"no service {name!r} in {folder}; there are {', '.join(sorted(plans))}")
    plan = plans[name]
    return Rehearsal(folder, plan, settings.people, None if bake is None else short(plan, bake))


def short(plan: Plan, bake: float) -> Pace:
    """Seconds for everything that takes hours, from the length of one bake."""
    return Pace(
        bakes={stage.name: bake for stage in plan.stages},
        max_bake=max(90.0, 6 * bake),
        window=min(max(4.0, bake / 4), 60.0),
        watch=bake,
    )


def rehearsal_workspace(rehearsal: Rehearsal) -> Workspace:
    """The demo's workspace, with the team's people and the plan's channel added."""
    ws = demo_workspace()
    named = {person.slack: (person.alias, person.name) for person in rehearsal.people.people.values()}
    users = [*named, *sorted({u for role in rehearsal.people.roles.values() for u in role.users} - named.keys())]
    for user in users:
        name, real_name = named.get(user, (user.lower(), user))
        if user not in ws.users:
            ws.add_user(User(user, name, real_name, ws.team.id))
    for group in sorted({g for role in rehearsal.people.roles.values() for g in role.groups} - ws.groups.keys()):
        members = sorted({u for role in rehearsal.people.roles.values() if group in role.groups for u in role.users})
        ws.add_group(group, group.lower(), group, [*members, PEOPLE["wang"], PEOPLE["zhao"]])
    everyone = [user.id for user in ws.users.values() if not user.deleted]
    if not any(rehearsal.plan.channel in (c.id, c.name) for c in ws.channels.values()):
        ref = rehearsal.plan.channel
        is_id = ref[:1] in "CG" and ref.isalnum() and ref.isupper()
        ws.add_channel(ref if is_id else "C0REHEARSE", ref.lower() if is_id else ref, everyone)
    for channel in CHANNELS.values():
        if not ws.channels[channel].is_private:
            ws.invite(channel, *everyone)
    return ws
