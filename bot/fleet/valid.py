"""Strict whitelists for everything that enters a generated file or a command line on a host. Pure.

Each function returns its argument in the one form used everywhere, or raises ValueError with a sentence that names the
mend. Nothing is escaped: what would need escaping is refused.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

from bot.rollout.plan import Host

# nginx's hashes have 64-byte buckets by default: `$rollout_<service>_pool` and `rollout-<service>` must fit in one.
SERVICE_MAX = 32
_MAP_KEY_MAX = 40
GENERATION_MAX = 10**15

_SERVICE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_WORD = re.compile(r"[A-Za-z0-9._-]+")
_PATH = re.compile(r"/[A-Za-z0-9._/+@-]*")
_BINARY = re.compile(r"/?[A-Za-z0-9._+-]+(/[A-Za-z0-9._+-]+)*")
_VARIABLE = re.compile(r"\$[a-z][a-z0-9_]{0,45}")
_COOKIE = re.compile(r"[A-Za-z0-9_]{1,40}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
_UPSTREAM = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


def service(name: str) -> str:
    """A service's name: lower case words joined by single dashes, so that '-'→'_' never joins two services."""
    if not _SERVICE.fullmatch(name) or len(name) > SERVICE_MAX:
        raise ValueError(
            f"service {name!r} cannot name nginx variables; use lower-case letters, digits and single dashes, "
            f"starting with a letter, {SERVICE_MAX} characters at most"
        )
    if name.endswith("-pool"):
        raise ValueError(f"service {name!r} would share an nginx variable with another; choose one not ending in -pool")
    return name


def slug(name: str) -> str:
    """The service as it appears in nginx names: `brand-diagnosis` → `brand_diagnosis`."""
    return service(name).replace("-", "_")


def word(what: str, text: str, limit: int = 64) -> str:
    if not _WORD.fullmatch(text) or len(text) > limit:
        raise ValueError(f"{what} {text!r} has characters nginx could misread; use letters, digits, '.', '_', '-' only")
    return text


def generation(number: int) -> int:
    if not 0 < number < GENERATION_MAX:
        raise ValueError(f"generation {number} is out of range; use a whole number from 1 to {GENERATION_MAX - 1}")
    return number


def epoch(number: int) -> int:
    if not 0 <= number < GENERATION_MAX:
        raise ValueError(f"epoch {number} is out of range; use a whole number from 0 to {GENERATION_MAX - 1}")
    return number


def weight(percent: float) -> float:
    """Percent of everyone, rounded to the two decimals nginx keeps; more decimals are refused, not rounded up."""
    if not 0 <= percent <= 100 or abs(percent * 100 - round(percent * 100)) > 1e-6:
        raise ValueError(f"weight {percent} is not a share nginx can split; use 0 to 100 with two decimals at most")
    return round(percent * 100) / 100


def backend(text: str) -> str:
    """`10.0.1.10:5000` or `[::1]:5000`. Names are refused: one that stops resolving would block a rollback's reload."""
    address, _, port = text.rpartition(":")
    try:
        if address.startswith("[") and address.endswith("]"):
            host = f"[{ip_address(address[1:-1])}]"
        else:
            host = str(ip_address(address))
            if ":" in host:
                raise ValueError
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536 or "%" in host:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"backend {text!r} is not an address and a port; write it like 10.0.1.10:5000 or [2001:db8::1]:5000 "
            f"(an IP address, because a name that stops resolving would block a rollback)"
        ) from None
    return f"{host}:{int(port)}"


def pools(stable: tuple[str, ...], canary: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Both pools, each non-empty, with no backend twice: the log tells the pools apart by the backend's address."""
    both = tuple(map(backend, stable)), tuple(map(backend, canary))
    for name, pool in zip(("stable", "canary"), both, strict=True):
        if not pool:
            raise ValueError(f"the {name} pool is empty; name at least one backend")
    seen: set[str] = set()
    for address in (*both[0], *both[1]):
        if address in seen:
            raise ValueError(f"backend {address} is listed twice; a backend belongs to one pool, once")
        seen.add(address)
    return both


def cidr(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError(f"internal network {text!r} is not usable ({error}); write it like 10.0.0.0/8") from None


def variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError(f"sticky_by {text!r} is not one nginx variable; write it like $cookie_uid or $remote_addr")
    return text


def cookie(pair: tuple[str, str]) -> tuple[str, str]:
    if not _COOKIE.fullmatch(pair[0]):
        raise ValueError(f"cookie {pair[0]!r} cannot be an nginx variable; use letters, digits and '_' in its name")
    return pair[0], word(f"the value of cookie {pair[0]}", pair[1], _MAP_KEY_MAX)


def header(pair: tuple[str, str]) -> tuple[str, str]:
    if not _HEADER.fullmatch(pair[0]):
        raise ValueError(f"header {pair[0]!r} cannot be an nginx variable; use letters, digits and '-' in its name")
    return pair[0], word(f"the value of header {pair[0]}", pair[1], _MAP_KEY_MAX)


def upstream(text: str, taken: tuple[str, ...]) -> str:
    if not _UPSTREAM.fullmatch(text):
        raise ValueError(
            f"traffic.upstream {text!r} is not the name of an upstream; the weighted strategy stands in for the one "
            f"your proxy_pass names: write that name (letters, digits, '_', '.', '-')"
        )
    if text in taken:
        raise ValueError(f"traffic.upstream {text!r} is one of the bot's own upstreams; name the one you used before")
    return text


def path(what: str, text: str) -> str:
    if not _PATH.fullmatch(text) or "/../" in f"{text}/" or len(text) > 200:
        raise ValueError(f"{what} {text!r} is not a plain absolute path; use letters, digits and ./_-+@ only")
    return text


def loopback(text: str) -> str:
    """Where the read-back server listens: an address only the host itself can reach."""
    address = backend(text)
    if not ip_address(address.rpartition(":")[0].strip("[]")).is_loopback:
        raise ValueError(f"status {text!r} can be reached from outside; use a loopback address like 127.0.0.1:8911")
    return address


def host(host: Host) -> Host:
    """The host itself, when each of its paths can go on a command line and into a file unquoted."""
    if not _BINARY.fullmatch(host.nginx):
        raise ValueError(f"host {host.name}: nginx {host.nginx!r} is not a program's name or absolute path")
    for what in ("nginx_conf", "conf_dir", "pid_file"):
        path(f"host {host.name}: {what}", getattr(host, what))
    loopback(host.status)
    return host
