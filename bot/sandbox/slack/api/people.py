"""users.* and usergroups.*."""

from __future__ import annotations

from bot.sandbox.slack.api.call import Call, Method, page_of
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Json


def info(call: Call) -> Json:
    return {"user": _shown(call, call.needed("user", "user_not_found"))}


def _shown(call: Call, user_id: str) -> Json:
    body = call.ws.user(user_id).to_slack()
    if "users:read.email" not in call.ws.app.scopes:
        body["profile"].pop("email", None)
    return body


def list_users(call: Call) -> Json:
    # People of other workspaces are found by id only: Slack leaves them out of this list.
    own = [user.id for user in call.ws.users.values() if not user.is_stranger]
    page, metadata = page_of(own, call, default=1000)
    members = [_shown(call, user_id) for user_id in page]
    return {"members": members, "cache_ts": int(call.ws.clock()), "response_metadata": metadata}


def profile_get(call: Call) -> Json:
    return {"profile": _shown(call, call.text("user") or call.me)["profile"]}


def lookup_by_email(call: Call) -> Json:
    email = call.needed("email", "users_not_found").lower()
    for user in call.ws.users.values():
        if user.email.lower() == email and not user.deleted:
            return {"user": _shown(call, user.id)}
    raise SlackError("users_not_found")


def list_groups(call: Call) -> Json:
    with_users, with_disabled = call.flag("include_users"), call.flag("include_disabled")
    groups = [group for group in call.ws.groups.values() if with_disabled or not group.disabled]
    return {"usergroups": [group.to_slack(with_users=with_users) for group in groups]}


def list_group_users(call: Call) -> Json:
    group = call.ws.groups.get(call.needed("usergroup", "no_such_subteam"))
    if group is None or (group.disabled and not call.flag("include_disabled")):
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


METHODS = {
    "users.info": Method(info, "users:read"),
    "users.list": Method(list_users, "users:read"),
    "users.profile.get": Method(profile_get, "users.profile:read"),
    "users.lookupByEmail": Method(lookup_by_email, "users:read.email"),
    "usergroups.list": Method(list_groups, "usergroups:read"),
    "usergroups.users.list": Method(list_group_users, "usergroups:read"),
}
