"""`fleet:` of a plan: the nginx hosts and how to reach them."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from bot.rollout.plan import FleetPlan, Host
from config.durations import format_duration
from config.plan_schema import FleetModel, HostModel, SshModel
from config.plan_traffic import is_host, is_ip, parse_address, safe_path
from config.problems import show
from config.report import Report
from config.yaml_source import Path_

_USER_NAME: Final = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_LOCAL_FILE: Final = re.compile(r"~?/?[A-Za-z0-9._/@+-]+")
_JUMP: Final = re.compile(r"(?:[a-z_][a-z0-9_.-]{0,31}@)?(?P<address>\[[^\]]+\]|[^@:\[\]]+)(?::(?P<port>[0-9]+))?")
_PATH_MEND: Final = "write an absolute path of letters, digits, . _ - and /, without .."
_DEFAULT: Final = Host("")


def build_fleet(model: FleetModel | None, report: Report, *, machines: bool = False) -> FleetPlan:
    """The frozen FleetPlan. `fleet.ssh` gives user, port and jump to the hosts that name none of their own.

    machines: the plan names machines, which are reached by SSH whatever the executor.
    Defaults: port 22, user "" (ssh's own), host_deadline 20s, concurrency 32, max_unavailable 0, paths as in plan.Host.
    """
    at: Path_ = ("fleet",)
    given = model or FleetModel()
    if model:
        mends = {"executor": "add executor: ssh or local", "hosts": "add hosts: [lb-1.example.com]"}
        report.need(at, {"executor": given.executor, "hosts": given.hosts}, mends)
    if given.hosts == [] and not report.damaged((*at, "hosts")):
        report.problem((*at, "hosts"), "the fleet has no hosts", "name at least one nginx host")
    ssh = given.ssh or SshModel()
    if given.ssh and given.executor == "local" and not machines:
        report.warn((*at, "ssh"), "`ssh` has no effect with executor local", "remove it")
    _ssh(ssh, report)
    hosts = tuple(_host(host, index, ssh, report) for index, host in enumerate(given.hosts or []))
    _duplicates(hosts, given.executor or "ssh", report)
    deadline = 20.0 if given.host_deadline is None else given.host_deadline
    if not 1 <= deadline <= 600:
        report.problem((*at, "host_deadline"), "host_deadline is out of range", "write 1s to 10m")
    concurrency = 32 if given.concurrency is None else given.concurrency
    if not 1 <= concurrency <= 256:
        report.problem((*at, "concurrency"), f"concurrency {concurrency} is out of range", "write 1 to 256")
    return FleetPlan(
        given.executor or "ssh",
        hosts,
        ssh.known_hosts or "",
        ssh.key_file or "",
        deadline,
        concurrency,
        _waves(hosts, given, report),
        _max_unavailable(hosts, given, report),
        _shutdown_timeout(given, report),
    )


def _shutdown_timeout(given: FleetModel, report: Report) -> float:
    """0 where the plan does not say."""
    value = given.worker_shutdown_timeout
    if value is not None and (not 1 <= value <= 86400 or value % 1):
        what = f"worker_shutdown_timeout {format_duration(value)} is out of range"
        report.problem(("fleet", "worker_shutdown_timeout"), what, "write whole seconds, 1s to 24h, as in 60s")
    return value or 0.0


def _max_unavailable(hosts: tuple[Host, ...], given: FleetModel, report: Report) -> int:
    value = given.max_unavailable or 0
    if hosts and not 0 <= value < len(hosts):
        what = f"max_unavailable {value} of {len(hosts)} hosts is out of range"
        report.problem(("fleet", "max_unavailable"), what, "write 0, or how many may be missing: fewer than there are")
    return value


def _waves(hosts: tuple[Host, ...], given: FleetModel, report: Report) -> float:
    """Seconds a wave is watched; the default where it was not said."""
    at: Path_ = ("fleet", "wave_bake")
    value = given.wave_bake
    if value is not None and not 0 <= value <= 86400:
        report.problem(at, f"wave_bake {format_duration(value)} is out of range", "write 0s to 24h, as in 5m")
    several = len({host.wave for host in hosts}) > 1
    if not several and any(host.wave for host in hosts):
        what = "every host is in the same wave: all of them go at once"
        report.warn(("fleet", "hosts"), what, "take the wave off those that are to follow")
    elif not several and value is not None:
        report.warn(at, "`wave_bake` has no effect: no host has a wave", "add one: {name: lb-1, wave: 1}")
    return 300.0 if value is None else value


def _ssh(ssh: SshModel, report: Report) -> None:
    at: Path_ = ("fleet", "ssh")
    remote_user((*at, "user"), ssh.user, report)
    remote_port((*at, "port"), ssh.port, report)
    _jump((*at, "jump"), ssh.jump, report)
    for key, value in (("known_hosts", ssh.known_hosts), ("key_file", ssh.key_file)):
        if value is None:
            continue
        if value.lower() in ("none", "off", "/dev/null"):
            mend = "name a known_hosts file (ssh-keyscan, checked by hand), or remove the line for the user's own"
            report.problem((*at, key), f"{key}: {show(value)} would switch the check of host keys off", mend)
        elif not _LOCAL_FILE.fullmatch(value):
            report.problem((*at, key), f"{key}: {show(value)} is not a path", "write the path of a file")


def remote_address(path: Path_, address: str | None, report: Report) -> None:
    if address is not None and not (is_host(address) or is_ip(address)):
        report.problem(path, f"{show(address)} is not a host name or address", "write it as lb-1.example.com")


def remote_user(path: Path_, user: str | None, report: Report) -> None:
    if user is not None and not _USER_NAME.fullmatch(user):
        report.problem(path, f"user: {show(user)} is not a user's name", "write it as rollout-bot")


def remote_port(path: Path_, port: int | None, report: Report) -> None:
    if port is not None and not 1 <= port <= 65535:
        report.problem(path, f"port {port} is out of range", "write 1 to 65535")


def _jump(path: Path_, jump: str | None, report: Report) -> None:
    match = _JUMP.fullmatch(jump or "bastion")
    address = match["address"].strip("[]") if match else ""
    if match is None or not (is_host(address) or is_ip(address)) or not 1 <= int(match["port"] or 22) <= 65535:
        report.problem(path, f"jump: {show(jump)} is not a machine", "write it as ops@bastion.example.com:22")


def _host(model: HostModel, index: int, ssh: SshModel, report: Report) -> Host:
    at: Path_ = ("fleet", "hosts", index)
    report.need(at, {"name": model.name}, {"name": "add name: lb-1.example.com"})
    remote_address((*at, "name"), model.name, report)
    remote_address((*at, "address"), model.address, report)
    for key in ("nginx_conf", "conf_dir", "pid_file"):
        path = getattr(model, key)
        if path is not None and not safe_path(path):
            report.problem((*at, key), f"{key}: {show(path)} is not a safe path", _PATH_MEND)
    if model.nginx is not None and not (re.fullmatch(r"[A-Za-z0-9._-]+", model.nginx) or safe_path(model.nginx)):
        report.problem((*at, "nginx"), f"nginx: {show(model.nginx)} is not a binary's name or path", _PATH_MEND)
    if model.status is not None and parse_address(model.status) is None:
        mend = "write it as 127.0.0.1:8911"
        report.problem((*at, "status"), f"status: {show(model.status)} is not address:port", mend)
    elif model.status is not None and not ipaddress.ip_address(model.status.rpartition(":")[0].strip("[]")).is_loopback:
        what = f"status: {show(model.status)} can be reached from outside"
        report.problem((*at, "status"), what, "use a loopback address, as in 127.0.0.1:8911")
    remote_user((*at, "user"), model.user, report)
    remote_port((*at, "port"), model.port, report)
    _jump((*at, "jump"), model.jump, report)
    if model.wave is not None and not 1 <= model.wave <= 99:
        mend = "write 1 for the first, 2 for the next; without a wave a host goes with the last"
        report.problem((*at, "wave"), f"wave {model.wave} is out of range", mend)
    return Host(
        name=model.name or "",
        address=model.address or "",
        port=model.port or ssh.port or _DEFAULT.port,
        user=model.user or ssh.user or "",
        nginx=model.nginx or _DEFAULT.nginx,
        nginx_conf=model.nginx_conf or _DEFAULT.nginx_conf,
        conf_dir=model.conf_dir or _DEFAULT.conf_dir,
        pid_file=model.pid_file or _DEFAULT.pid_file,
        status=model.status or _DEFAULT.status,
        wave=model.wave or 0,
        jump=model.jump or ssh.jump or "",
    )


def _duplicates(hosts: tuple[Host, ...], executor: str, report: Report) -> None:
    """Two entries for one nginx would write over each other's file, and count one host as two."""
    seen: dict[tuple[str, str], str] = {}
    for index, host in enumerate(hosts):
        if not host.name:
            continue
        # A machine may run two nginx behind one sshd: they differ by directory.
        places = [("name", host.name.lower())]
        place = (
            host.conf_dir
            if executor == "local"
            else f"{(host.address or host.name).lower()}:{host.port} {host.conf_dir} {host.jump}".rstrip()
        )
        places.append(("place", place))
        for key in places:
            if key in seen:
                what = f"{show(host.name)} is the same host as {show(seen[key])}"
                if key[0] == "place":
                    what += f" ({show(place)})"
                report.problem(
                    ("fleet", "hosts", index), what, "name every host once; two on one machine need two conf_dir"
                )
                break
        for key in places:
            seen.setdefault(key, host.name)
