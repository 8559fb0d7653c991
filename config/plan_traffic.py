"""`traffic:` of a plan. Everything here ends in an nginx file, so what could break out of one is refused."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from bot.rollout.plan import InternalAudience, Traffic
from config.durations import format_duration
from config.plan_schema import InternalModel, TrafficModel
from config.problems import show
from config.report import Report
from config.yaml_source import Path_

_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}))*")
# The patterns below are bot/fleet/valid.py's or narrower, so that nothing passes here and is refused at the shift.
_VARIABLE: Final = re.compile(r"\$[a-z][a-z0-9_]{0,45}")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
_COOKIE: Final = re.compile(r"[A-Za-z0-9_]{1,40}")
_VALUE: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")  # nothing nginx gives a meaning to
_UPSTREAM: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_PATH: Final = re.compile(r"/[A-Za-z0-9._/-]{1,199}")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
# Never empty, so that visitors without the cookie do not all fall into one bucket.
_NEVER_EMPTY: Final = ("$remote_addr", "$binary_remote_addr", "$realip_remote_addr")
_SAFE: Final = "in the value only letters, digits, . _ and -, 40 at most"


def build_traffic(model: TrafficModel | None, report: Report, watch: float = 86400.0) -> Traffic:
    """The frozen Traffic. Defaults: sticky_by [$cookie_uid, $remote_addr], keepalive 16, all else empty; with
    blue_green, keep_warm the watch (seconds).

    Faults go to the report; the result then holds what could be read.
    """
    at: Path_ = ("traffic",)
    given = model or TrafficModel()
    if model:
        mends = {
            "strategy": "add strategy: sticky, weighted or blue_green",
            "stable": "add stable: [address:port]",
            "canary": "add canary: [address:port]",
            "stable_version": 'add stable_version: "1.2.3", what the stable pool serves today',
        }
        report.need(at, given.model_dump(), mends)
    traffic = Traffic(
        strategy=given.strategy or "sticky",
        stable=_pool(given.stable, "stable", report),
        canary=_pool(given.canary, "canary", report),
        stable_version=_matching((*at, "stable_version"), given.stable_version, _VERSION, report),
        upstream=_matching((*at, "upstream"), given.upstream, _UPSTREAM, report),
        sticky_by=tuple(given.sticky_by) if given.sticky_by is not None else ("$cookie_uid", "$remote_addr"),
        override_cookie=_cookie(given.override_cookie, report),
        internal=_internal(given.internal or InternalModel(), report),
        log_path=_matching((*at, "log_path"), given.log_path, _PATH, report),
        keepalive=_keepalive(given.keepalive, report),
        keep_warm=_keep_warm(given, watch, report),
    )
    for backend in sorted(set(traffic.stable) & set(traffic.canary)):
        index = traffic.canary.index(backend)
        what = f"{show(backend)} is in both pools"
        report.problem((*at, "canary", index), what, "a backend serves one version: keep it in one pool")
    _strategy(traffic, given, report)
    return traffic


def parse_address(text: str) -> str | None:
    """`1.2.3.4:80` or `[::1]:80` in its one form, else None.

    Names are refused: nginx does not load a file with a name that stopped resolving, and a rollback would be stuck.
    """
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535 or not is_ip(bare):
        return None
    address = ipaddress.ip_address(bare)
    if (address.version == 6) != (bare != host):
        return None
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_host(text: str) -> bool:
    """A DNS name, or the short name of a host."""
    return len(text) <= 253 and bool(_HOST.fullmatch(text))


def safe_path(text: str) -> bool:
    """An absolute path that needs no quoting in nginx or a shell, without `..`."""
    return bool(_PATH.fullmatch(text)) and ".." not in text.split("/")


def _pool(backends: list[str] | None, name: str, report: Report) -> tuple[str, ...]:
    at: Path_ = ("traffic", name)
    if backends == [] and not report.damaged(at):
        report.problem(at, f"the {name} pool is empty", "name at least one backend as address:port")
    seen: dict[str, int] = {}
    for index, backend in enumerate(backends or []):
        address = parse_address(backend)
        if address is None:
            what = f"{show(backend)} is not address:port"
            report.problem((*at, index), what, "write an IP address and a port, as in 10.0.1.10:5000")
        elif address in seen:
            report.problem((*at, index), f"{show(backend)} is twice in the {name} pool", "keep one of the two")
        seen[address or backend] = index
    return tuple(seen)


def _matching(path: Path_, text: str | None, pattern: re.Pattern[str], report: Report) -> str:
    if text is not None and (not pattern.fullmatch(text) or (pattern is _PATH and not safe_path(text))):
        mends = {
            _PATH: "write an absolute path of letters, digits, . _ - and /, without ..",
            _UPSTREAM: "use letters, digits, . _ and - only, as in nginx's `upstream name {`",
        }
        mend = mends.get(pattern, "use letters, digits, . _ + and - only")
        report.problem(path, f"{path[-1]}: {show(text)} has characters that are not safe here", mend)
    return text or ""


def _cookie(text: str | None, report: Report) -> tuple[str, str] | None:
    if text is None:
        return None
    name, equals, value = text.partition("=")
    # nginx reads a cookie as $cookie_<name>, and a variable's name has no dash.
    if not equals or not _COOKIE.fullmatch(name) or not _VALUE.fullmatch(value):
        what = f"override_cookie: {show(text)} is not a safe name=value"
        report.problem(
            ("traffic", "override_cookie"), what, f"write gray_release=true; {_SAFE}; in the name no - either"
        )
        return None
    return name, value


def _internal(model: InternalModel, report: Report) -> InternalAudience:
    at: Path_ = ("traffic", "internal")
    for index, cidr in enumerate(model.cidrs or []):
        try:
            ipaddress.ip_network(cidr)
        except ValueError as error:
            mend = "write network/bits, as in 10.0.0.0/8"
            if "host bits" in str(error):
                mend = f"write {ipaddress.ip_network(cidr, strict=False)}, or the one address with /32"
            report.problem((*at, "cidrs", index), f"{show(cidr)} is not a network", mend)
            continue
        if cidr.endswith("/0"):
            what = f"{show(cidr)} is everybody: the internal stage would be 100 %"
            report.problem((*at, "cidrs", index), what, "name your own networks")
    header = None
    if model.header is not None:
        name, colon, value = (part.strip() for part in model.header.partition(":"))
        if colon and _HEADER.fullmatch(name) and _VALUE.fullmatch(value):
            header = (name, value)
        else:
            what = f"header: {show(model.header)} is not a safe `Name: value`"
            report.problem((*at, "header"), what, f'write "X-Internal-User: 1"; {_SAFE}')
    return InternalAudience(tuple(model.cidrs or ()), header)


def _keepalive(value: int | None, report: Report) -> int:
    if value is not None and not 0 <= value <= 1024:
        report.problem(("traffic", "keepalive"), f"keepalive {value} is out of range", "write 0 to 1024; 0 is none")
    return 16 if value is None else value


def _keep_warm(given: TrafficModel, watch: float, report: Report) -> float:
    """Seconds; 0 for the strategies that have no use for it, so that their hash stays what it was."""
    at: Path_ = ("traffic", "keep_warm")
    value = given.keep_warm
    if given.strategy != "blue_green":
        if value is not None and given.strategy is not None:
            report.warn(at, "`keep_warm` has an effect with strategy blue_green only", "remove it")
        return 0.0
    if value is not None and value < watch:
        what = f"keep_warm {format_duration(value)} ends before the watch, whose triggers need the old pool"
        report.problem(at, what, f"write {format_duration(watch)} or more, or shorten the watch")
    elif value is not None and value > 30 * 86400:
        report.problem(at, f"keep_warm {format_duration(value)} is out of range", "write 30d at most")
    return watch if value is None else value


def _strategy(traffic: Traffic, given: TrafficModel, report: Report) -> None:
    at: Path_ = ("traffic",)
    if traffic.strategy == "weighted":
        if given.upstream is None and not report.damaged((*at, "upstream")):
            mend = "add upstream: the name of the upstream your proxy_pass names today"
            report.problem((*at, "strategy"), "weighted needs an upstream to stand in for", mend)
        for key in ("sticky_by", "override_cookie", "internal"):
            if getattr(given, key) is not None:
                what = f"{show(key)} has no effect with strategy weighted: an upstream cannot tell visitors apart"
                report.warn((*at, key), what, "remove it, or use strategy: sticky")
        return
    if given.upstream is not None:
        report.warn((*at, "upstream"), f"`upstream` has no effect with strategy {traffic.strategy}", "remove it")
    if traffic.strategy == "blue_green":
        if given.sticky_by is not None:
            what = "`sticky_by` has no effect with strategy blue_green: everybody flips at once"
            report.warn((*at, "sticky_by"), what, "remove it, or use strategy: sticky")
        return
    _sticky(given, report)


def _sticky(given: TrafficModel, report: Report) -> None:
    at: Path_ = ("traffic", "sticky_by")
    variables = given.sticky_by
    if report.damaged(at) or given.strategy is None:
        return
    if not variables:
        mend = "add sticky_by: [$cookie_uid, $remote_addr], the first that is not empty decides"
        report.problem(at, "sticky without sticky_by: nothing to recognise a visitor by", mend)
        return
    for index, variable in enumerate(variables):
        if not _VARIABLE.fullmatch(variable):
            what = f"sticky_by: {show(variable)} is not a safe nginx variable"
            report.problem((*at, index), what, "write it as $cookie_uid: $, then small letters, digits or _")
    if variables[-1] not in _NEVER_EMPTY:
        what = f"sticky_by ends with {show(variables[-1])}, which may be empty: all such visitors would move together"
        report.problem((*at, len(variables) - 1), what, "add $remote_addr at the end")
