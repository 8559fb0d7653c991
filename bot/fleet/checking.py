"""From what the host program says of a host to what is missing there, with the exact lines to add. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.fleet import valid
from bot.rollout.plan import Host, Plan

NGINX_SINCE = (1, 11, 8)  # log_format escape=json; a `volatile` map is older
ROOM = 2048  # KB that a few generated files, twice over, and the reserve need
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}


@dataclass(frozen=True, slots=True)
class Finding:
    """level: `missing`, which stops a shift or its meaning; `advice`, which does not. lines: what to add or to run."""

    level: Literal["missing", "advice"]
    what: str
    lines: tuple[str, ...] = ()


def findings(plan: Plan, host: Host, facts: Mapping[str, Any], digest: str) -> tuple[Finding, ...]:
    """What was found, the worst first. facts: the line of the verb `check`. digest: of the program that the bot has."""
    if not facts.get("ok"):
        return (Finding("missing", str(facts.get("error", "the host program said nothing"))),)
    found = [*_machine(host, facts), *_nginx(plan, host, facts), *_program(plan, host, facts, digest)]
    if not any(one.level == "missing" for one in found):
        found += _site(plan, host, facts)
    return tuple(sorted(found, key=lambda one: one.level != "missing"))


def _machine(host: Host, facts: Mapping[str, Any]) -> Iterator[Finding]:
    if facts["missing"]:
        packages = " ".join(sorted({_PACKAGES.get(tool, "coreutils") for tool in facts["missing"].split()}))
        yield Finding("missing", f"these are not installed: {facts['missing']}", (f"apt-get install {packages}",))
    for right, place in (("conf_dir", host.conf_dir), ("conf_place", host.nginx_conf.rpartition("/")[0])):
        if not facts[right]:
            yield Finding("missing", f"user {facts['user']} may not write {place}", _rights(host))
    if facts["master"] and not facts["signal"]:
        yield Finding("missing", f"user {facts['user']} may not signal nginx", _rights(host))
    if facts["room"] < ROOM:
        yield Finding("missing", f"only {facts['room']} KB are free in {host.conf_dir}; give it {ROOM} KB")


_PACKAGES = {"flock": "util-linux", "curl": "curl", "awk": "mawk", "cmp": "diffutils", "grep": "grep", "sed": "sed"}


def _rights(host: Host) -> tuple[str, ...]:
    return (f"rollout-bot host install {host.name}",)


def _nginx(plan: Plan, host: Host, facts: Mapping[str, Any]) -> Iterator[Finding]:
    version = re.search(r"/(\d+)\.(\d+)\.(\d+)", facts["nginx"])
    if version and tuple(map(int, version.groups())) < NGINX_SINCE:
        least = ".".join(map(str, NGINX_SINCE))
        yield Finding("missing", f"{facts['nginx']} is too old; the generated file needs {least} or later")
    needs = {"map", "upstream_zone", "upstream_keepalive"}
    needs |= {"split_clients"} if plan.traffic.strategy == "sticky" else set()
    needs |= {"geo"} if plan.traffic.internal.cidrs else set()
    for module in sorted(needs & set(facts["without"].split())):
        yield Finding("missing", f"this nginx was built without its {module} module; install another build")
    if not facts["master"]:
        yield Finding(
            "missing", f"nginx is not running (no master process in {host.pid_file})", ("systemctl start nginx",)
        )
    if facts["listening"] and not facts["present"]:
        what = f"something listens on port {host.status.rpartition(':')[2]} already, where the read-back is to be"
        yield Finding(
            "missing", what, (f"{{name: {host.name}, status: 127.0.0.1:8912}}   # in fleet.hosts of the plan",)
        )
    if facts["tried"]:
        yield _tried(host, facts["tried"])
    elif facts["present"] and facts["master"] and not facts["answers"]:
        yield Finding("missing", "the generated file is there, but no worker answers for it", ("nginx -s reload",))


def _tried(host: Host, answer: Mapping[str, Any]) -> Finding:
    if answer["code"] == "include":
        what = f"{host.nginx_conf} does not include {host.conf_dir}; inside its http {{ … }} add:"
        return Finding("missing", what, (f"include {host.conf_dir}/*.conf;",))
    return Finding("missing", str(answer["error"]))


def _program(plan: Plan, host: Host, facts: Mapping[str, Any], digest: str) -> Iterator[Finding]:
    if plan.fleet.executor != "ssh":
        return
    again = (f"rollout-bot host install {host.name}",)
    if not facts["installed"]:
        yield Finding("advice", "the bot's key may run anything here; limit it to the host program:", again)
    elif facts["installed"] != digest:
        yield Finding("advice", "the installed program is another release's; it works, but bring it up to date:", again)


def _site(plan: Plan, host: Host, facts: Mapping[str, Any]) -> Iterator[Finding]:
    """What a person's own configuration has to say, and the bot never writes."""
    lines = base64.b64decode(facts["lines"]).decode(errors="replace").splitlines()
    yield from _shutdown(plan, host, lines)
    name = f"rollout_{valid.slug(plan.service)}"
    if not facts["present"]:
        yield Finding("missing", "there is no generated file yet:", (f"rollout-bot init {plan.service}",))
        return
    if plan.traffic.strategy != "weighted" and not any(
        re.search(rf"proxy_pass\s+https?://\${name}\b", it) for it in lines
    ):
        what = "no proxy_pass leads to the pools, so no visitor meets them; in the location of the service:"
        yield Finding(
            "missing",
            what,
            (f"proxy_pass http://${name};", "proxy_http_version 1.1;", 'proxy_set_header Connection "";'),
        )
    if plan.traffic.log_path and not any(re.search(rf"access_log\s+\S+\s+{name}\b", it) for it in lines):
        what = "no access_log uses the bot's format; in the server of the service:"
        yield Finding("advice", what, (f"access_log {plan.traffic.log_path} {name};",))


def _shutdown(plan: Plan, host: Host, lines: list[str]) -> Iterator[Finding]:
    wanted = plan.fleet.worker_shutdown_timeout
    found = [re.search(r":(\d+) worker_shutdown_timeout\s+(\d+)([smhdwMy]?);", line) for line in lines]
    said = [int(match[2]) * _SECONDS[match[3]] for match in found if match]
    add = (f"worker_shutdown_timeout {wanted or 60:g}s;",)
    if wanted and said != [wanted]:
        has = f"{said[0]}s" if said else "none"
        what = f"the plan says worker_shutdown_timeout {wanted:g}s, nginx has {has}"
        yield Finding("missing", f"{what}; in the main part of {host.nginx_conf}:", add)
    elif not said:
        what = (
            f"without worker_shutdown_timeout a websocket keeps its old share; in the main part of {host.nginx_conf}:"
        )
        yield Finding("advice", what, add)
