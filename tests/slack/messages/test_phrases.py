"""Both languages say everything, with the same facts, each in its own language only; every refusal has a sentence."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.rollout import follow
from bot.rollout.intents import Refusal
from bot.rollout.model import Hold, Status, Verdict
from bot.rollout.runbook import Phase
from bot.rollout.work import Outcome
from bot.slack.messages import Messages
from bot.slack.messages.phrases_en import PHRASES as EN
from bot.slack.messages.phrases_zh import PHRASES as ZH
from bot.slack.messages.timeline import LINES
from tests.slack.messages.samples import CARDS, PLAN

ROOT = Path(__file__).parents[3]
CJK = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
WORDS = re.compile(r"[A-Za-z]{2,}")
KNOWN = {
    "nginx",
    "Markdown",
    "HTML",
    "Slack",
    "Prometheus",
    "YAML",
    "VERSION",
    "REASON",
    "TEXT",
    "SERVICE",
    "config",
    "services",
    "Alertmanager",
}


def facts(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_the_same_phrases_with_the_same_facts() -> None:
    assert set(EN) == set(ZH)
    assert {k: facts(v) for k, v in EN.items()} == {k: facts(v) for k, v in ZH.items()}


def test_each_in_its_own_language() -> None:
    assert not {k: v for k, v in EN.items() if CJK.search(v)}
    for key, phrase in ZH.items():
        bare = re.sub(r"`[^`]*`|\{\w+\}", " ", phrase)
        assert not set(WORDS.findall(bare)) - KNOWN, key


def test_closed_sets_have_words() -> None:
    for group, values in (
        ("status", Status),
        ("hold", Hold),
        ("verdict", Verdict),
        ("mend", Hold),
        ("phase", Phase),
        ("did", Outcome),
    ):
        for value in values:
            assert f"{group}.{value.value}" in EN


def constants(tree: ast.AST, name: str) -> Iterator[str]:
    """The strings a variable may have: of its assignments, and of a loop that gives it."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.For) else []
        if any(isinstance(t, ast.Name) and t.id == name for target in targets for t in ast.walk(target)):
            source = node.value if isinstance(node, ast.Assign) else node.iter  # type: ignore[attr-defined]
            yield from (c.value for c in ast.walk(source) if isinstance(c, ast.Constant) and isinstance(c.value, str))


def refusals() -> set[str]:
    found: set[str] = set()
    files = [*(ROOT / "bot").rglob("*.py"), *(ROOT / "commands").rglob("*.py")]
    for path in files:
        if "sandbox" in path.parts or "messages" in path.parts or "refuse(" not in path.read_text():
            continue
        tree = ast.parse(path.read_text())
        for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)):
            for call in (n for n in ast.walk(function) if isinstance(n, ast.Call)):
                if getattr(call.func, "id", "") != "refuse" or not call.args:
                    continue
                code = call.args[0]
                if isinstance(code, ast.Constant):
                    found.add(code.value)
                elif isinstance(code, ast.Name):
                    found |= {c for c in constants(function, code.id) if re.fullmatch(r"[a-z_]+", c)}
    return found


def rules() -> set[str]:
    """The codes of bot.rollout.approval: what `member` and `standing` return, and what `count` adds."""
    tree = ast.parse((ROOT / "bot/rollout/approval.py").read_text())
    found = set(constants(tree, "code"))
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        if function.name in ("member", "standing"):
            returned = [n for n in ast.walk(function) if isinstance(n, ast.Return)]
            found |= {c.value for r in returned for c in ast.walk(r) if isinstance(c, ast.Constant) and c.value}
    return found


def test_the_scan_finds_what_it_should() -> None:
    assert {"still_baking", "held_gates", "drifted", "no_drift", "decided", "wrong_message"} <= refusals()
    assert rules() == {"unknown_user", "bot", "deactivated", "external", "guest", "no_role", "own_rollout"}


def test_every_refusal_and_rule_has_a_sentence() -> None:
    assert {c for c in refusals() if f"refuse.{c}" not in EN} == set()
    assert {c for c in rules() if f"rule.{c}" not in EN} == set()


def test_every_phrase_is_used() -> None:
    """A phrase nobody says is a mistake in a key, or a state that is forgotten."""
    here = ROOT / "bot/slack/messages"
    code = "\n".join(p.read_text() for p in here.glob("*.py") if not p.name.startswith(("phrases", "answers")))
    made = re.findall(r"f[\"']([a-z_.]+\.)\{", code)  # f"status.{value}"
    made += [
        "status.",
        "hold.",
        "verdict.",
        "host.",
        "outcome.",
        "decided.",
        "verb.",
        "rule.",
        "phase.",
        "did.",
        "aspect.",
    ]
    unused = [k for k in EN if not re.search(f"[\"']{re.escape(k)}[\"']", code) and not k.startswith(tuple(made))]
    assert unused == []


def test_every_told_event_has_a_line() -> None:
    import typing

    from bot.rollout.events import Event

    assert set(LINES) == set(typing.get_args(Event)) - set(follow.SILENT)


@pytest.mark.parametrize("code", sorted(refusals()))
def test_refusal_names_no_placeholder(m: Messages, code: str) -> None:
    rollout, _ = CARDS["baking"]
    given = {"service": "brand-diagnosis", "rollout": rollout.id, "version": "2.1.0", "verb": "promote",
             "hold": "expired", "roles": "release-managers", "initiator": "U0LIN00001", "stage": "10%",
             "detail": "p95 < 3s", "weight": "10",
             "hosts": "lb-1, lb-2", "by": "<@U0WANG0001>, <@U0ZHAO0001>", "how": "approved", "status": "baking",
             "why": "guest", "serving": "10.0.0.9:80", "salt": "a;b", "strategy": "weighted",
             "id": "F1", "name": "disk", "names": "disk, tests", "item": "backup", "items": "backup, alerts",
             "owner": "dba", "phase": "before_start", "text": "someday",
             "alert": "4f2a91", "silence": "S1", "most": "168"}  # fmt: skip
    said = m.refusal(Refusal(code, tuple(given.items())), rollout, PLAN)
    assert "?" not in said.replace("? ", "").replace("？", "")
    assert "&lt;@" not in said
    assert m.refusal(Refusal(code), None, None)


def test_an_unknown_code_is_shown(m: Messages) -> None:
    said = m.refusal(Refusal("brand_new", (("host", "<lb>"),)), None, None)
    assert "`brand_new`" in said
    assert "host=&lt;lb&gt;" in said
