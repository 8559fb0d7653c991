"""A rule file of Prometheus -> the `rules:` of alerts.yaml. What cannot be taken over is said, never passed over."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from bot.alerts.plan import severity_of
from bot.alerts.templates import faults
from config.alerts_rules import EVERY
from config.durations import format_duration
from config.problems import show

_DURATION: Final = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_SECONDS: Final = (31_536_000, 604_800, 86_400, 3600, 60, 1, 0.001)
_TEXTS: Final = ("summary", "description")


class NotRules(ValueError):
    """The file is not a rule file; the sentence names what is wrong."""


@dataclass(frozen=True, slots=True)
class Imported:
    """text: YAML that begins with `rules:`. notes: one line for each thing that was left out or is not understood."""

    text: str
    count: int
    notes: tuple[str, ...]


def convert(text: str) -> Imported:
    """Raises NotRules."""
    try:
        data = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise NotRules(f"not valid YAML: {show(str(error))}") from None
    groups = data.get("groups") if isinstance(data, dict) else None
    if not isinstance(groups, list):
        raise NotRules("there is no list `groups`: this is not a rule file of Prometheus")
    notes: list[str] = []
    found: list[dict[str, Any]] = []
    taken: set[tuple[str, str]] = set()
    for group in groups:
        if not isinstance(group, dict):
            raise NotRules(f"{show(group)} is not a group of rules")
        every = _seconds(group.get("interval")) or EVERY
        for given in group.get("rules") or []:
            rule = _rule(given, every, notes)
            if rule is None:
                continue
            key = (rule["alert"], rule["severity"])
            if key in taken:
                notes.append(f"{key[0]}: there twice with severity {key[1]}; left out: rename one of them")
                continue
            taken.add(key)
            found.append(rule)
    return Imported(_written(found), len(found), tuple(notes))


def _rule(given: Any, every: float, notes: list[str]) -> dict[str, Any] | None:
    if not isinstance(given, dict) or "alert" not in given:
        name = given.get("record") if isinstance(given, dict) else given
        notes.append(f"{show(name)}: not an alert (a recording rule stays with Prometheus); left out")
        return None
    name = str(given["alert"])
    labels = {str(k): str(v) for k, v in (given.get("labels") or {}).items()}
    annotations = {str(k): str(v) for k, v in (given.get("annotations") or {}).items()}
    severity = severity_of(labels.pop("severity", ""))
    rule: dict[str, Any] = {"alert": name, "severity": severity, "every": format_duration(every)}
    rule["query"] = LiteralScalarString(str(given.get("expr", "")).strip() + "\n")
    for key in ("for", "keep_firing_for"):
        if seconds := _seconds(given.get(key)):
            rule[key] = format_duration(seconds)
    templated = {k: v for k, v in labels.items() if "{{" in v}
    for label in templated:
        notes.append(f"{name}: the label {label} is a template, which decides what is the same alert; left out")
    kept = {k: DoubleQuotedScalarString(v) for k, v in labels.items() if v and k not in templated}
    if kept:
        rule["labels"] = kept
    for key in _TEXTS:
        if text := annotations.pop(key, annotations.pop("message", "") if key == "summary" else "").strip():
            rule[key] = DoubleQuotedScalarString(" ".join(text.split()))
            notes += [f"{name}: {field} in its {key} is not understood and is shown as it is" for field in faults(text)]
    notes += [f"{name}: the annotation {key} is left out" for key in annotations]
    return rule


def _seconds(given: Any) -> float:
    """0 for none, and for what is no duration."""
    found = _DURATION.fullmatch(str(given or ""))
    return sum(int(n) * unit for n, unit in zip(found.groups(), _SECONDS, strict=True) if n) if found else 0.0


def _written(rules: list[dict[str, Any]]) -> str:
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump({"rules": rules}, out)
    return out.getvalue()
