"""Which pool a request belongs to: from a target to the nginx blocks that end in `$rollout_<service>`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.fleet import valid
from bot.fleet.target import Serving, Target

NEVER_EMPTY = ("$remote_addr", "$binary_remote_addr")
BREAK = r"\n"  # as nginx's files have it


def routing(target: Target, serving: Serving) -> Iterator[str]:
    """Everything that ends in `$rollout_<service>`, which holds the name of an upstream, and `$ro_way_<service>`.

    The latter is for the log: `audience` for whom the internal audience or the cookie let in, `share` for everybody
    else, so that the measured share can be of those alone who were split.
    """
    name, final = valid.slug(target.service), f"$rollout_{valid.slug(target.service)}"
    way = f"$ro_way_{name}"
    if target.mode != "shift":
        yield constant(final, f"{name}_{target.mode}")
        yield constant(way, "share")
        return
    inside = dict(_audience(target)) if serving.internal else {}
    share = f"$ro_share_{name}" if inside else final
    if target.traffic.strategy == "sticky":
        yield from _sticky(target, serving, share)
    elif target.traffic.strategy == "weighted":
        yield constant(share, drop_in(target))
    else:
        yield constant(share, f"{name}_{_whole(serving.weight)}")
    if not inside:
        yield constant(way, "share")
        return
    if target.traffic.internal.cidrs:
        nets = dict.fromkeys(map(valid.cidr, target.traffic.internal.cidrs))
        yield block(f"geo $ro_net_{name}", ["default 0;", *(f"{net} 1;" for net in nets)])
    # All in one, and not a map each: nginx fills more than a megabyte for every map when it reads a file.
    lets_in = [(f'"~*{pattern}"', "audience") for pattern in _one_is(tuple(inside.values()))]
    yield mapping(f'"{BREAK.join(inside)}"', way, [*lets_in, ("default", "share")])
    yield mapping(way, final, [("audience", f"{name}_canary"), ("default", share)])


def _one_is(wanted: tuple[str, ...]) -> Iterator[str]:
    """Patterns for values joined by line breaks, which no header, cookie or flag has in it: each for one of them."""
    for at, value in enumerate(wanted):
        before = BREAK if at else "^"
        after = BREAK if at < len(wanted) - 1 else r"\z"
        yield f"{before}{re.escape(value)}{after}"


def _audience(target: Target) -> Iterator[tuple[str, str]]:
    """(variable, value that lets in) of each way into the internal audience."""
    name, traffic = valid.slug(target.service), target.traffic
    if traffic.internal.cidrs:
        yield f"${{ro_net_{name}}}", "1"
    if traffic.internal.header:
        header, value = valid.header(traffic.internal.header)
        yield f"${{http_{header.lower().replace('-', '_')}}}", value
    if traffic.override_cookie:
        cookie, value = valid.cookie(traffic.override_cookie)
        yield f"${{cookie_{cookie}}}", value


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


def constant(result: str, value: str) -> str:
    """A variable that is always the same, without the memory of a map."""
    return block(f'split_clients "" {result}', [f"* {value};"])


def block(opening: str, lines: list[str]) -> str:
    return f"{opening} {{\n" + "".join(f"    {line}\n" for line in lines) + "}"
