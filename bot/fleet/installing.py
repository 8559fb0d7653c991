"""The script that sets up a host: the program installed, and the bot's key allowed to run that alone. Pure text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from importlib.resources import files

from bot.fleet import valid
from bot.fleet.transport import digest, script
from bot.rollout.plan import Host

PROGRAM_PATH = "/usr/local/sbin/rollout-host"
_USER = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_KEY = re.compile(r"(?P<key>(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*)(?: [^\n]*)?\s*")
_END = "end of rollout-host"


def install_script(user: str, public_key: str, places: Sequence[Host]) -> str:
    """What root runs on the host. user: whom the bot comes in as. places: the nginx there, each once.

    Runs again without harm. ValueError names what cannot be written, and the mend.
    """
    if not _USER.fullmatch(user):
        raise ValueError(f"user {user!r} is not a user's name; write it as rollout-bot")
    match = _KEY.fullmatch(public_key)
    if match is None:
        raise ValueError("that is not one OpenSSH public key; give the .pub file of the bot's key")
    root = user == "root"
    command = PROGRAM_PATH if root else f"sudo -n {PROGRAM_PATH}"
    values = {
        "user": user,
        "key": match["key"],
        "program": PROGRAM_PATH,
        "forced": f'restrict,command="{command}" {match["key"]} rollout-bot',
        # "" after the path: with no argument whatever
        "sudoers": "" if root else f'{user} ALL=(root) NOPASSWD: {PROGRAM_PATH} ""',
    }
    head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    head += f"program_text() {{\n    cat <<'{_END}'\n{program(places)}{_END}\n}}\n"
    return head + (files("bot.fleet") / "install.sh").read_text(encoding="utf-8")


def program(places: Sequence[Host]) -> str:
    """The program as it is installed: it takes no arguments, and acts on these nginx alone."""
    words = [" ".join(_words(host)) for host in places]
    if not words:
        raise ValueError("the host has no nginx; name it in fleet.hosts of a plan")
    once = " \\\n    ".join(dict.fromkeys(words))
    return (
        "#!/bin/sh\n# written by `rollout-bot host install`: which nginx the bot may act on, and its program\n"
        f"installed={digest()}\nset -- --forced \\\n    {once}\n{script()}"
    )


def _words(host: Host) -> tuple[str, ...]:
    valid.host(host)
    return host.nginx, host.nginx_conf, host.conf_dir, host.pid_file, host.status
