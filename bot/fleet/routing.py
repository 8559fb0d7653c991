"""Which pool a request belongs to: from a target to the nginx blocks that end in `$rollout_<service>`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from bot.fleet import valid
from bot.fleet.target import Serving, Target

NEVER_EMPTY = ("$remote_addr", "$binary_remote_addr")
MAP_WORDS = ("default", "hostnames", "include", "volatile")


def routing(target: Target, serving: Serving) -> Iterator[str]:
    """Everything that ends in `$rollout_<service>`, which holds the name of an upstream, and `$ro_way_<service>`.

    The latter is for the log: `audience` for whom the internal audience or the cookie let in, `share` for everybody
    else, so that the measured share can be of those alone who were split.
    """
    name, final = valid.slug(target.service), f"$rollout_{valid.slug(target.service)}"
    way = f"$ro_way_{name}"
    if target.mode != "shift":
        yield mapping('""', final, [("default", f"{name}_{target.mode}")])
        yield mapping('""', way, [("default", "share")])
        return
    inside = dict(_audience(target)) if serving.internal else {}
    yield from inside.values()
    share = f"$ro_share_{name}" if inside else final
    if target.traffic.strategy == "sticky":
        yield from _sticky(target, serving, share)
    elif target.traffic.strategy == "weighted":
        yield mapping('""', share, [("default", drop_in(target))])
    else:
        yield mapping('""', share, [("default", f"{name}_{_whole(serving.weight)}")])
    if inside:
        yield mapping(f'"{"".join(inside)}"', final, [('"~1"', f"{name}_canary"), ("default", share)])
        yield mapping(f'"{"".join(inside)}"', way, [('"~1"', "audience"), ("default", "share")])
    else:
        yield mapping('""', way, [("default", "share")])


def _audience(target: Target) -> Iterator[tuple[str, str]]:
    """(variable, block) of each way into the internal audience; each variable is 1 or 0."""
    name, traffic = valid.slug(target.service), target.traffic
    if traffic.internal.cidrs:
        variable = f"$ro_net_{name}"
        nets = dict.fromkeys(map(valid.cidr, traffic.internal.cidrs))
        yield variable, block(f"geo {variable}", ["default 0;", *(f"{net} 1;" for net in nets)])
    if traffic.internal.header:
        header, value = valid.header(traffic.internal.header)
        variable, source = f"$ro_head_{name}", "$http_" + header.lower().replace("-", "_")
        yield variable, mapping(source, variable, [("default", "0"), (_key(value), "1")])
    if traffic.override_cookie:
        cookie, value = valid.cookie(traffic.override_cookie)
        variable = f"$ro_cook_{name}"
        yield variable, mapping(f"$cookie_{cookie}", variable, [("default", "0"), (_key(value), "1")])


def _key(value: str) -> str:
    # a map reads these words as its own parameters unless a backslash, itself escaped, comes first
    return f'"\\\\{value}"' if value in MAP_WORDS else f'"{value}"'


def _sticky(target: Target, serving: Serving, result: str) -> Iterator[str]:
    """The canary's line comes first, so that whoever is in a share is in every larger one."""
    name = valid.slug(target.service)
    sources = [valid.variable(source) for source in target.traffic.sticky_by]
    if not sources or sources[-1] not in NEVER_EMPTY:
        sources.append("$remote_addr")  # one empty key would be one bucket: all of them in the canary, or none
    following = sources.pop()
    for number in range(len(sources), 0, -1):
        variable = f"$ro_key{number}_{name}"
        yield mapping(sources[number - 1], variable, [('""', following), ("default", sources[number - 1])])
        following = variable
    lines = {
        0.0: [f"* {name}_stable;"],
        100.0: [f"* {name}_canary;"],
    }.get(serving.weight, [f"{serving.weight:.2f}% {name}_canary;", f"* {name}_stable;"])
    key = f'"${{{following[1:]}}}{valid.word("salt", target.salt)}"'
    yield block(f"split_clients {key} {result}", lines)


def _whole(weight: float) -> str:
    """The pool that everybody gets: blue_green flips, and nothing lies between."""
    if weight not in (0.0, 100.0):
        raise ValueError(f"blue_green gives everybody one pool, not {weight:g} %; use weights of 0 and 100")
    return "canary" if weight else "stable"


def drop_in(target: Target) -> str:
    name = valid.slug(target.service)
    return valid.upstream(target.traffic.upstream, (f"{name}_stable", f"{name}_canary"))


def mapping(source: str, result: str, lines: list[tuple[str, str]]) -> str:
    return block(f"map {source} {result}", [f"{key} {value};" for key, value in lines])


def block(opening: str, lines: list[str]) -> str:
    return f"{opening} {{\n" + "".join(f"    {line}\n" for line in lines) + "}"
