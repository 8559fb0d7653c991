"""What the token may do, as Slack's answers say in a header; a server that says nothing is not asked further."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.engine.ports.errors import Final

# Without these the main job cannot be done; the others of the manifest only degrade it.
NEEDED = ("chat:write", "reactions:read", "users:read")
WANTED = {
    "channels:history": "an earlier try of a post is not found after a crash",
    "files:write": "the report and its charts are posted as text",
    "channels:read": "channels must be named by id",
    "reactions:write": "people add the emoji of an asking themselves",
    "usergroups:read": "only people named in people.yaml have roles",
}
MEND = "add them to the app (config/slack-manifest.yaml has the list) and reinstall it"


def check_scopes(headers: Mapping[str, str], once: Callable[[str], None]) -> None:
    """Raises Final naming the scopes without which nothing works; says the others."""
    given = next((value for name, value in headers.items() if name.lower() == "x-oauth-scopes"), "")
    scopes = {scope.strip() for scope in given.split(",") if scope.strip()}
    if not scopes:
        return
    missing = [scope for scope in NEEDED if scope not in scopes]
    if missing:
        raise Final(f"missing_scope: the token lacks {', '.join(missing)}: {MEND}")
    for scope, loss in WANTED.items():
        if scope not in scopes:
            once(f"the token lacks the scope {scope}: {loss}; {MEND}")
