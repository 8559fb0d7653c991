"""`people.yaml`: who is who, and which roles they have. Roles are the only way a plan names people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from config.problems import show, suggest
from config.report import Report
from config.structure import Model, Text, validate
from config.yaml_source import Path_

USER: Final = re.compile(r"[UW][A-Z0-9]{6,20}")
_GROUP: Final = re.compile(r"S[A-Z0-9]{6,20}")
_ALIAS: Final = re.compile(r"[a-z][a-z0-9._-]{0,40}")
EMAIL: Final = re.compile(r"[^@\s<>\"',;]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")

PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True)
class Role:
    """users: Slack user ids (`U…`, `W…`). groups: Slack user group ids (`S…`), whose members Slack knows."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Person:
    """One entry of `people:`. slack: the user id; name: for messages; email, phone: "" when not given."""

    alias: str
    slack: str
    name: str
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """roles by name; people by alias; names: Slack user id -> name. The mappings are read-only."""

    roles: Mapping[str, Role] = field(default_factory=lambda: MappingProxyType({}))
    people: Mapping[str, Person] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def names(self) -> Mapping[str, str]:
        return MappingProxyType({person.slack: person.name for person in self.people.values()})

    @property
    def holders(self) -> Mapping[str, tuple[str, ...]]:
        """By role, the ids of its users and user groups, as they are mentioned in Slack."""
        return MappingProxyType({name: (*sorted(r.users), *sorted(r.groups)) for name, r in self.roles.items()})


class PersonModel(Model):
    slack: Text | None = None
    name: Text | None = None
    email: Text | None = None
    phone: Text | None = None


class RoleModel(Model):
    users: list[Text] | None = None
    groups: list[Text] | None = None


class PeopleModel(Model):
    people: dict[str, PersonModel] | None = None
    roles: dict[str, RoleModel] | None = None


def build_people(report: Report) -> People:
    """The people of the report's document; with gaps when there are problems."""
    model = validate(PeopleModel, report)
    report.need((), {"roles": model.roles}, {"roles": "add roles: {release-managers: {users: [U…]}}"})
    people: dict[str, Person] = {}
    for alias, given in (model.people or {}).items():
        people[alias] = _person(alias, given, people, report)
    known = {alias: person.slack for alias, person in people.items()}
    for path in report.doc.removed:
        if len(path) >= 2 and path[0] == "people":
            known.setdefault(str(path[1]), "")
    roles = {name: _role(name, given, known, report) for name, given in (model.roles or {}).items()}
    for path in report.doc.removed:
        if len(path) == 2 and path[0] == "roles":
            roles.setdefault(str(path[1]), Role(groups=frozenset({"?"})))  # known, its members not
    return People(MappingProxyType(roles), MappingProxyType(people))


def _person(alias: str, given: PersonModel, others: Mapping[str, Person], report: Report) -> Person:
    at: Path_ = ("people", alias)
    if not _ALIAS.fullmatch(alias):
        report.problem(at, f"{show(alias)} is not a person's short name", "use small letters, digits, . _ and -")
    report.need(at, {"slack": given.slack}, {"slack": "add slack: U0123456789 (profile, three dots, copy member ID)"})
    if given.slack is not None and not USER.fullmatch(given.slack):
        mend = "copy the member ID from the profile in Slack: U0123456789"
        report.problem((*at, "slack"), f"{show(given.slack)} is not a Slack user id", mend)
    for other in others.values():
        if given.slack is not None and given.slack == other.slack:
            what = f"{alias} and {other.alias} have the same Slack id {show(given.slack)}"
            report.problem((*at, "slack"), what, "one person would count as two: give each their own")
    if given.email is not None and not EMAIL.fullmatch(given.email):
        report.problem((*at, "email"), f"{show(given.email)} is not an e-mail address", "write it as lin@example.com")
    if given.phone is not None and not PHONE.fullmatch(given.phone):
        mend = 'write it with its country and in quotes, as in "+15555550100"'
        report.problem((*at, "phone"), f"{show(given.phone)} is not a telephone number", mend)
    return Person(alias, given.slack or "", given.name or alias, given.email or "", given.phone or "")


def _role(name: str, given: RoleModel, known: Mapping[str, str], report: Report) -> Role:
    at: Path_ = ("roles", name)
    if not given.users and not given.groups and not _any_damaged(at, report):
        report.problem(at, f"the role {show(name)} has nobody in it", "add users: [lin] or groups: [S…]")
    users: list[str] = []
    for index, user in enumerate(given.users or []):
        path = (*at, "users", index)
        if user not in known and not USER.fullmatch(user):
            mend = f"{suggest(user, known)} Or write a Slack user id, U0123456789"
            report.problem(path, f"{show(user)} is nobody in `people`", mend)
            continue
        slack = known.get(user, user)
        if slack and slack in users:
            report.problem(path, f"{show(user)} is twice in the role", "keep one of the two")
        users.append(slack)
    for index, group in enumerate(given.groups or []):
        if not _GROUP.fullmatch(group):
            mend = "copy the id of the user group, S0123456789, from its address in Slack"
            report.problem((*at, "groups", index), f"{show(group)} is not a Slack user group id", mend)
    return Role(frozenset(user for user in users if user), frozenset(given.groups or ()))


def _any_damaged(at: Path_, report: Report) -> bool:
    return any(report.damaged((*at, key)) for key in ("users", "groups"))
