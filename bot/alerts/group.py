"""Which alerts are told together, and when. Pure."""

from __future__ import annotations

from bot.alerts.events import Grouped
from bot.alerts.labels import Labels, group_key, labels_of, value_of
from bot.alerts.model import Group
from bot.alerts.plan import Route
from bot.alerts.route import unrouted

EVERYTHING = "..."  # in group_by: every label, so that each alert is a group of its own


def group_of(route: Route, labels: Labels, root: Route) -> Grouped:
    if EVERYTHING in route.group_by:
        shared = labels
    else:
        shared = labels_of((name, value_of(labels, name)) for name in route.group_by)
    return Grouped(group_key(route.name, shared), route.name, shared, unrouted(root, route))


def due(group: Group, route: Route) -> float:
    """When a change may be told: the first after `group_wait`, later ones `group_interval` apart."""
    changed = group.opened_at if group.changed_at is None else group.changed_at
    if group.notified_at is None:
        return changed + route.group_wait
    return max(changed, group.notified_at + route.group_interval)
