"""Where an alert goes: the tree of routes. Pure."""

from __future__ import annotations

from bot.alerts.labels import Labels, all_match
from bot.alerts.plan import Route


def routes_for(root: Route, labels: Labels) -> tuple[Route, ...]:
    """The deepest route that matches, and those a `continue` adds; the root where nothing else does. Never empty."""
    found = _among(root.routes, labels)
    return found or (root,)


def unrouted(root: Route, found: Route) -> bool:
    """Whether an alert came here only because no route matched. Where there is but the one route, it is meant."""
    return bool(root.routes) and found.name == root.name


def _among(routes: tuple[Route, ...], labels: Labels) -> tuple[Route, ...]:
    found: list[Route] = []
    for route in routes:
        if not all_match(route.matchers, labels):
            continue
        found += _among(route.routes, labels) or (route,)
        if not route.proceed:
            break
    return tuple(found)
