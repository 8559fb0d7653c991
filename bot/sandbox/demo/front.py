"""What the workspace's page is told of the bot: its commands, who its people are, and the panes of the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bot.sandbox.slack import Extension, PageOptions, Usage, Workspace
from bot.slack.messages.words import Words
from commands.registry import COMMANDS
from config.people import People

Language = Literal["en", "zh"]

NOTES: dict[Language, dict[str, str]] = {
    "en": {
        "approves": "{roles}",
        "none": "has no role",
        "guest": "guest",
        "external": "from another company",
        "deleted": "deactivated",
    },
    "zh": {
        "approves": "{roles}",
        "none": "没有角色",
        "guest": "访客",
        "external": "外部人员",
        "deleted": "已停用",
    },
}


def page_options(workspace: Workspace, people: People, language: Language) -> PageOptions:
    return PageOptions(
        language=language,
        usages=usages(language),
        notes={user: _note(workspace, people, user, language) for user in workspace.users},
        extensions=[Extension("demo", Path(__file__).parent / "page")],
    )


def usages(language: Language) -> list[Usage]:
    """One for each command that the bot itself would list in its help."""
    words = Words(language, "UTC")
    return [Usage(f"/rollout {c.name}", c.usage, str(words.say(c.summary))) for c in COMMANDS]


def _note(workspace: Workspace, people: People, user: str, language: Language) -> str:
    notes, person = NOTES[language], workspace.users[user]
    for flag, word in (("deleted", "deleted"), ("is_stranger", "external"), ("is_restricted", "guest")):
        if getattr(person, flag):
            return notes[word]
    groups = {group.id for group in workspace.groups.values() if user in group.users}
    roles = [name for name, role in people.roles.items() if user in role.users or groups & role.groups]
    return notes["approves"].format(roles=", ".join(roles)) if roles else notes["none"]
