"""`rollout-bot host`: one machine of the fleet, checked and set up from the shell."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

import asyncssh

from bot.engine.ports.errors import Final
from bot.fleet.checking import Finding, findings
from bot.fleet.connections import Connections, translated
from bot.fleet.installing import install_script
from bot.fleet.transport import TransportError, digest
from bot.fleet.verbs import RemoteVerbs
from bot.rollout.plan import Host, Plan
from bot.wiring import build_transport
from config.problems import suggest
from config.settings import Settings

INSTALL_WITHIN = 60.0  # seconds for the script, sudo and useradd included


@dataclass(frozen=True, slots=True)
class Checked:
    """A host as one service needs it. problem: why nothing could be asked, with the mend; "" = it was."""

    host: str
    service: str
    findings: tuple[Finding, ...] = ()
    problem: str = ""

    @property
    def ready(self) -> bool:
        return not self.problem and all(one.level != "missing" for one in self.findings)


def hosts_named(settings: Settings, names: Iterable[str]) -> list[tuple[Plan, Host]]:
    """Each host of each plan that has it; no name means all. Raises Final where a name is in no plan."""
    everywhere = [(plan, host) for plan in settings.plans.values() for host in plan.fleet.hosts]
    known = sorted({host.name for _, host in everywhere})
    for name in (wanted := list(names)):
        if name not in known:
            raise Final(f"{name}: no such host in a plan; {suggest(name, known)}")
    return [(plan, host) for plan, host in everywhere if not wanted or host.name in wanted]


async def check_hosts(settings: Settings, names: Iterable[str]) -> list[Checked]:
    """One a host and service, in the plans' order. Raises Final where a name is in no plan."""
    return [await _checked(plan, host) for plan, host in hosts_named(settings, names)]


async def _checked(plan: Plan, host: Host) -> Checked:
    verbs = RemoteVerbs(build_transport(plan.fleet), plan.fleet.host_deadline)
    try:
        facts = await verbs.check(host, plan.service)
    except (TransportError, ValueError) as error:
        return Checked(host.name, plan.service, problem=str(error))
    finally:
        await verbs.aclose()
    return Checked(host.name, plan.service, findings(plan, host, facts, digest()))


def script_for(settings: Settings, name: str, public_key: str = "") -> str:
    """What root is to run on the host. public_key: path of the bot's, "" = the one beside `key_file`. Raises Final."""
    found = [(plan, host) for plan, host in hosts_named(settings, [name]) if plan.fleet.executor == "ssh"]
    if not found:
        raise Final(f"{name} is the bot's own machine (executor local): there is nothing to install")
    users = {host.user for _, host in found}
    keys = {_public_key(plan, public_key) for plan, _ in found}
    if len(users) > 1 or len(keys) > 1:
        raise Final(f"{name}: the plans differ in user or key_file; one host takes one bot: make them the same")
    if not (user := users.pop()):
        raise Final(f"{name}: the plan does not say as whom the bot comes in; write fleet.ssh.user: rollout-bot")
    try:
        return install_script(user, keys.pop(), [host for _, host in found])
    except ValueError as error:
        raise Final(f"{name}: {error}") from None


def _public_key(plan: Plan, given: str) -> str:
    if not given and not plan.fleet.key_file:
        raise Final("the plan names no key; write fleet.ssh.key_file, or give the public key: --key bot.pub")
    path = os.path.expanduser(given or plan.fleet.key_file)
    try:
        if given or os.path.exists(f"{path}.pub"):
            with open(given or f"{path}.pub", encoding="utf-8") as file:
                return file.read()
        return asyncssh.read_private_key(path).export_public_key().decode()
    except (OSError, UnicodeDecodeError, asyncssh.KeyImportError) as error:
        raise Final(f"{path}: {error}; give the bot's public key: --key bot.pub") from None


async def install(settings: Settings, name: str, script: str, *, user: str, identity: str) -> str:
    """Run the script there over SSH, as root or through sudo. user, identity: of an administrator. What it said.

    Raises Final with the mend.
    """
    plan, host = hosts_named(settings, [name])[0]
    admin = replace(host, user=user or host.user)
    connections = Connections(plan.fleet.known_hosts, identity or plan.fleet.key_file)
    try:
        connection = await connections.to(admin)
        asked = await connection.run("id -u", stdin=asyncssh.DEVNULL, check=False, timeout=INSTALL_WITHIN)
        uid = str(asked.stdout).strip()
        if not uid.isdigit():
            raise Final(
                f"{name}: {admin.user} with this key may run the host program alone, or nothing; come in as an "
                f"administrator (--as ADMIN --identity KEY), or pipe it yourself: add --print"
            )
        shell = "sh -s" if uid == "0" else "sudo -n sh -s"
        done = await connection.run(shell, input=script, check=False, timeout=INSTALL_WITHIN)
    except TransportError as error:
        raise Final(str(error)) from None
    except (asyncssh.Error, OSError, TimeoutError) as error:
        raise Final(str(translated(admin, error))) from None
    finally:
        await connections.aclose()
    said = f"{done.stdout!s}{done.stderr!s}".strip()
    if done.exit_status:
        mend = "" if uid == "0" else "; where sudo asks for a password, pipe it yourself: add --print"
        raise Final(f"{name}: {said or 'the script ended without a word'}{mend}")
    return said
