"""What the console script leaves behind when it ends, and what it says when it cannot begin."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import config
from tests.e2e.kit import Started, alive, descendants, naming, run


def _until(true: Callable[[], bool], what: str, timeout: float = 120) -> None:
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_demo_takes_everything_along(tmp_path: Path, how: signal.Signals) -> None:
    demo = Started.of(tmp_path, "demo", "--port", "0", "--keep", str(tmp_path / "work"))
    try:
        _until(lambda: "Open http://" in demo.output() or demo.process.poll() is not None, "the demo to be up")
        children = descendants(demo.process.pid)
        # two services, two nginx with two workers each, Prometheus, the load and the bot
        assert len(children) >= 11, alive(children)
        os.kill(demo.process.pid, how)
        status = demo.process.wait(120)
        assert status == (-signal.SIGKILL if how is signal.SIGKILL else 0), demo.err.read_text()
        _until(lambda: not alive(children), f"left behind: {alive(children)}")
        assert "Traceback" not in demo.err.read_text()
    finally:
        demo.end()


def test_an_interrupt_while_it_still_starts(tmp_path: Path) -> None:
    words = ("Starting nginx", "Starting the workspace", "Starting the bot")
    folders = [tmp_path / str(n) for n in range(len(words))]
    demos = [Started.of(folder, "demo", "--port", "0", "--keep", str(folder / "work")) for folder in folders]
    try:
        for demo, word in zip(demos, words, strict=True):
            _until(lambda d=demo, w=word: w in d.output() or d.process.poll() is not None, word)  # type: ignore[misc]
            os.kill(demo.process.pid, signal.SIGINT)
        for demo in demos:
            assert demo.process.wait(120) == 0, demo.err.read_text()
            assert "Traceback" not in demo.err.read_text()
            assert "Open http://" not in demo.output()
        _until(lambda: not naming(tmp_path), f"left behind: {naming(tmp_path)}")
    finally:
        for demo in demos:
            demo.end()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_headless_run_that_is_interrupted(tmp_path: Path, how: signal.Signals) -> None:
    demo = Started.of(tmp_path, "demo", "--headless", "--keep", str(tmp_path / "work"))
    live = tmp_path / "work" / "production" / "lb-2" / "conf.d" / "rollout-brand-diagnosis.conf"
    try:
        _until(lambda: live.exists() or demo.process.poll() is not None, "the first shift")
        children = descendants(demo.process.pid)
        os.kill(demo.process.pid, how)
        assert demo.process.wait(120) == 130  # whoever waits for its JSON must not take this for an end
        _until(lambda: not alive(children), f"left behind: {alive(children)}")
        assert "Traceback" not in demo.err.read_text(), demo.err.read_text()
        assert not demo.output().splitlines()[-1].startswith("{")
    finally:
        demo.end()


def test_the_pages_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("demo", "--port", str(port), "--keep", str(tmp_path / "work"))
    assert done.returncode == 1
    assert f"port {port}" in done.stderr and "--port 0" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_bots_port_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    shutil.copytree(Path(config.__file__).parent, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        env = {
            "SLACK_BOT_TOKEN": "xoxb-1-test",
            "SLACK_SIGNING_SECRET": "0" * 32,
            "SLACK_APP_TOKEN": "",
            "SLACK_API_URL": "http://127.0.0.1:1/api/",
            "DATABASE_URL": f"sqlite:///{tmp_path}/bot.db",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(port),
        }
        done = run("run", "--config", str(folder), env=env)
    assert done.returncode == 1, done.stderr
    assert f"127.0.0.1:{port}" in done.stderr and "HTTP_PORT" in done.stderr
    assert "Traceback" not in done.stderr
