"""`check --live` and `notify` as an operator types them, with a real mail server and a real gateway."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

import config
from tests.e2e.kit import BOT
from tests.notify.conftest import Offices, Post, Provider
from tests.notify.conftest import offices as offices
from tests.notify.conftest import provider as provider

LIN = "lin@example.com"


class Shell:
    """The console script beside the servers of the test, which answer meanwhile."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env

    async def __call__(self, *argv: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *BOT, *argv, "--config", str(self.folder), env=os.environ | self.env,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def shell(tmp_path: Path, offices: Offices, provider: Provider) -> Shell:
    folder = tmp_path / "config"
    shutil.copytree(Path(config.__file__).parent, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = folder / "channels.yaml"
    path.write_text(path.read_text("utf-8").replace("https://sms.example.com", provider.url), "utf-8")
    post = await offices.open(Post(), tls="starttls", auth=True)
    url = f"smtp://bot%40example.com:hunter2@127.0.0.1:{post.port}?ca_file={post.ca_file}"
    return Shell(folder, {"SMTP_URL": url, "SMS_TOKEN": "token-hush"})


async def test_ready(shell: Shell, offices: Offices, provider: Provider) -> None:
    code, out, err = await shell("check", "--live")
    assert (code, err) == (0, "")
    assert out.splitlines()[1:] == ["mail: ready", "sms: ready"]
    assert not offices.handlers[0].senders and not provider.asked


async def test_not_ready(shell: Shell, offices: Offices) -> None:
    offices.handlers[0].password = "changed"
    del shell.env["SMS_TOKEN"]
    code, out, err = await shell("check", "--live")
    assert code == 1
    assert out.startswith("ok: ")
    assert "mail: " in err and "correct the user and the password" in err and "hunter2" not in err
    assert "sms: channel sms does nothing: set SMS_TOKEN" in err
    assert "Traceback" not in err


async def test_a_test_mail_and_a_test_sms(shell: Shell, offices: Offices, provider: Provider) -> None:
    code, out, err = await shell("notify", "mail", LIN, "有人吗？")
    assert (code, out, err) == (0, f"sent to {LIN} by mail: 2.0.0 OK queued as 1A2B\n", "")
    (mail,) = offices.handlers[0].mails
    assert mail["Subject"] == "[rollout-bot] 有人吗？"
    code, out, err = await shell("notify", "sms", "+8613800138000", "anybody?")
    assert (code, out, err) == (0, "sent to +8613800138000 by sms\n", "")
    assert json.loads(provider.asked[0].body)["text"] == "[rollout-bot] anybody?"


async def test_what_could_not_be_sent_names_the_mend(shell: Shell, provider: Provider) -> None:
    provider.answers = [(400, {}, "no such number")]
    code, out, err = await shell("notify", "sms", "1", "x")
    assert (code, out) == (1, "")
    assert "not sent: the gateway sms answered 400: no such number — correct the recipient" in err
    code, out, err = await shell("notify", "smms", "1", "x")
    assert (code, out) == (1, "")
    assert "did you mean `sms`?" in err
