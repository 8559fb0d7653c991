"""One generated nginx file per service: written whole from a target, and read back. Pure text in, text out.

What a person's own configuration uses of it (`brand_diagnosis` stands for the service, '-' replaced by '_'):

    location / {
        proxy_pass http://$rollout_brand_diagnosis;           # the pool this request belongs to
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_next_upstream off;                              # weighted only: a failing canary must show as failing
    }
    access_log /var/log/nginx/rollout.log rollout_brand_diagnosis;   # in the server, where their own access_log is;
                                                          # that server must be read after conf.d/rollout-….conf

`$rollout_brand_diagnosis_pool` is `stable`, `canary` or `-` (answered without a backend). The log format is one JSON
object per line: time, service, rollout, generation (a number), pool, way (`audience`: let in by network, header or
cookie; `share`: everybody else), method, status, request_time (seconds, a number),
upstream_response_time, upstream_status, upstream_addr (strings: nginx lists every backend tried, "" for none).
The log is left to the person's server because an `access_log` at the http level is ignored by every server that has
its own.

String comparison in nginx maps ignores case, so the override cookie and the internal header do too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from difflib import unified_diff
from math import gcd

from bot.fleet import valid
from bot.fleet.routing import block, drop_in, routing
from bot.fleet.target import Serving, Target
from bot.rollout.plan import Host, Traffic

TITLE = "# written by rollout-bot, do not edit"
_FIELDS = ("service", "rollout", "generation", "mode", "weight", "internal")
_HEADER = re.compile(rf"{TITLE}\n" + "".join(rf"# {name} (?P<{name}>\S+)\n" for name in _FIELDS))
_SHA = re.compile(r"^# sha256 ([0-9a-f]{64})\n", re.MULTILINE)
_STATUS = re.compile("rollout-bot " + "".join(rf"{name}=(?P<{name}>\S+) " for name in _FIELDS) + r"pid=(?P<pid>\d+)\s*")
_REPEATS = re.compile(r"^(# sha256 .*| +'\"(rollout|generation)\":.*| +return 200 \"rollout-bot .*)\n", re.MULTILINE)


def file_name(service: str) -> str:
    return f"rollout-{valid.service(service)}.conf"


def server_name(service: str) -> str:
    """The Host header that picks this service's read-back server; several services share one address."""
    return f"rollout-{valid.service(service)}"


def expected(target: Target) -> Serving:
    """What every worker says once the target is served. Weight and audience follow from the modes stable and canary."""
    weight = {"stable": 0.0, "canary": 100.0}.get(target.mode)
    return Serving(
        service=valid.service(target.service),
        rollout=valid.word("rollout", target.rollout),
        generation=valid.generation(target.generation),
        mode=target.mode,
        weight=valid.weight(target.weight) if weight is None else weight,
        internal=target.internal and target.mode == "shift",
    )


def render(target: Target, host: Host) -> str:
    """The whole file for one host. Deterministic. ValueError names what cannot be written and the mend."""
    serving = expected(target)
    if target.mode not in ("shift", "stable", "canary"):
        raise ValueError(f"mode {target.mode!r} is unknown; use shift, stable or canary")
    blocks = ["\n".join(_how_to_use(target)), *_upstreams(target, serving), *routing(target, serving)]
    blocks += [*_log(target, serving), _read_back(serving, host)]
    head = TITLE + "\n" + "".join(f"# {name} {text}\n" for name, text in _fields(serving))
    body = "\n" + "\n\n".join(blocks) + "\n"
    return f"{head}# sha256 {_digest(head + body)}\n{body}"


def parse_header(text: str) -> Serving | None:
    """What the file says of itself, edited or not; None when it is not one of ours."""
    match = _HEADER.match(text)
    return _serving(match) if match else None


def is_ours_unedited(text: str) -> bool:
    """Whether every byte is as the bot wrote it."""
    match = _SHA.search(text)
    return bool(match and _HEADER.match(text) and match[1] == _digest(text[: match.start()] + text[match.end() :]))


def parse_status(text: str) -> tuple[Serving, int]:
    """One answer of the read-back server: what that worker serves, and its pid. ValueError when it is anything else."""
    match = _STATUS.fullmatch(text)
    serving = _serving(match) if match else None
    if match is None or serving is None:
        raise ValueError(f"not an answer of the read-back server: {text[:80]!r}; does something else listen there?")
    return serving, int(match["pid"])


def diff(old: str, new: str) -> str:
    """Unified diff with one line of context. What only repeats the header is left out; "" when nothing differs."""
    before, after = (_REPEATS.sub("", text).splitlines(keepends=True) for text in (old, new))
    lines = list(unified_diff(before, after, "live", "planned", n=1))
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _fields(serving: Serving) -> Iterator[tuple[str, str]]:
    yield "service", serving.service
    yield "rollout", serving.rollout
    yield "generation", str(serving.generation)
    yield "mode", serving.mode
    yield "weight", f"{serving.weight:.2f}"
    yield "internal", "on" if serving.internal else "off"


def _serving(match: re.Match[str]) -> Serving | None:
    try:
        return Serving(
            service=match["service"],
            rollout=match["rollout"],
            generation=int(match["generation"]),
            mode=match["mode"],
            weight=float(match["weight"]),
            internal=match["internal"] == "on",
        )
    except ValueError:
        return None


def _how_to_use(target: Target) -> Iterator[str]:
    name = valid.slug(target.service)
    yield f"# In your location:  proxy_pass http://$rollout_{name};"
    if target.traffic.strategy == "weighted":
        yield f"# or keep            proxy_pass http://{target.traffic.upstream};  without your own upstream of it."
        yield "# Add                proxy_next_upstream off;  or stable answers hide a failing canary."
    if target.traffic.log_path:
        log_path = valid.path("log_path", target.traffic.log_path)
        yield f"# In your server:    access_log {log_path} rollout_{name};  in a file that is read after this one."


def _upstreams(target: Target, serving: Serving) -> Iterator[str]:
    """Each pool is its own upstream, so that nginx retries a failing canary on the canary and never hides it."""
    name, traffic = valid.slug(target.service), target.traffic
    stable, canary = valid.pools(traffic.stable, traffic.canary)
    plain = " max_fails=3 fail_timeout=5s"
    for label, pool in (("stable", stable), ("canary", canary)):
        yield _upstream(f"{name}_{label}", [f"{server}{plain}" for server in pool], traffic)
    if traffic.strategy == "weighted":
        weights = _server_weights(serving.weight, len(stable), len(canary))
        servers = [f"{server} weight={weights[0]} max_fails=0" for server in stable if weights[0]]
        servers += [f"{server} weight={weights[1]} max_fails=0" for server in canary if weights[1]]
        yield _upstream(drop_in(target), servers, traffic)


def _upstream(name: str, servers: list[str], traffic: Traffic) -> str:
    # the zone makes the workers share one round robin and one view of failures
    lines = [f"zone rollout_{name} {128 + 2 * len(servers)}k;", *(f"server {server};" for server in servers)]
    if not 0 <= traffic.keepalive <= 1024:
        raise ValueError(f"keepalive {traffic.keepalive} is out of range; use 0 to 1024 idle connections")
    if traffic.keepalive:
        lines.append(f"keepalive {traffic.keepalive};")
    return block(f"upstream {name}", lines)


def _server_weights(weight: float, stable: int, canary: int) -> tuple[int, int]:
    """Per-server weights that give the pools exactly 100-w to w, whatever their sizes; 0 means leave the pool out."""
    share = round(weight * 100)
    pair = (10000 - share) * canary, share * stable
    return pair[0] // gcd(*pair), pair[1] // gcd(*pair)


def _log(target: Target, serving: Serving) -> Iterator[str]:
    name = valid.slug(target.service)
    lines = ["volatile;", 'default "-";']  # volatile: an early reader must not fix "-" for the log
    for pool, servers in zip(
        ("stable", "canary"), valid.pools(target.traffic.stable, target.traffic.canary), strict=True
    ):
        # nginx writes the upstream's name instead of an address when none of its servers is alive
        known = "|".join(re.escape(server) for server in (*servers, f"{name}_{pool}"))
        lines.append(f'"~(^|[, ])({known})$" {pool};')
    yield block(f"map $upstream_addr $rollout_{name}_pool", lines)
    fields = [
        '"time":"$time_iso8601"',
        f'"service":"{serving.service}"',
        f'"rollout":"{serving.rollout}"',
        f'"generation":{serving.generation}',
        f'"pool":"$rollout_{name}_pool"',
        f'"way":"$ro_way_{name}"',
        '"method":"$request_method"',
        '"status":"$status"',
        '"request_time":$request_time',
        '"upstream_response_time":"$upstream_response_time"',
        '"upstream_status":"$upstream_status"',
        '"upstream_addr":"$upstream_addr"',
    ]
    yield f"log_format rollout_{name} escape=json\n    '{{" + ",'\n    '".join(fields) + "}';"


def _read_back(serving: Serving, host: Host) -> str:
    answer = " ".join(f"{name}={text}" for name, text in _fields(serving))
    location = f'default_type text/plain;\n        return 200 "rollout-bot {answer} pid=$pid\\n";'
    lines = [
        f"listen {valid.loopback(host.status)};",
        f"server_name {server_name(serving.service)};",
        "access_log off;",
        "keepalive_timeout 0;",  # every probe must meet whichever worker accepts now
        f"location = /rollout/{serving.service} {{\n        {location}\n    }}",
        "location / {\n        return 404;\n    }",
    ]
    return block("server", lines)
