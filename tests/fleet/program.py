"""The host program by itself, on one box."""

from __future__ import annotations

import hashlib
import json
import subprocess
from typing import Any

from bot.fleet import nginx
from bot.fleet.transport import PROGRAM, script
from tests.fleet.conftest import SERVICE, Box, Boxes

PROGRAM_TEXT = script()
KEYS = {"verb", "service", "generation", "ok", "code", "already", "swapped", "live", "error"}


class Program:
    """Calls the host program on one box; wait: hundredths of a second."""

    def __init__(self, box: Box, wait: int = 300) -> None:
        self.box, self.boxes, self.wait = box, Boxes([box]), wait
        self.before = ""
        self.epoch = 0

    def text(self, generation: int, weight: float | None = None) -> str:
        return nginx.render(
            self.boxes.target(generation, float(generation) if weight is None else weight), self.box.host
        )

    def run(self, *words: str, stdin: str = "", text: str = PROGRAM_TEXT) -> dict[str, Any]:
        host = self.box.host
        place = [host.nginx, host.nginx_conf, host.conf_dir, host.pid_file, host.status, str(self.wait)]
        done = subprocess.run(
            ["sh", "-c", self.before + text, PROGRAM, *place, *words],
            input=stdin.encode(),
            capture_output=True,
            timeout=20,
            check=False,
        )
        if done.returncode < 0:
            return {"killed": True}
        line: dict[str, Any] = json.loads(done.stdout)
        assert done.stdout.count(b"\n") == 1 and done.returncode == (0 if line["ok"] else 1), done
        assert line["verb"] == "read" or set(line) == KEYS
        return line

    def stage(self, generation: int, weight: float | None = None, *, verb: str = "stage", **how: str) -> dict[str, Any]:
        text = self.text(generation, weight)
        return self.run(
            verb,
            SERVICE,
            str(generation),
            str(self.epoch),
            hashlib.sha256(text.encode()).hexdigest(),
            stdin=text,
            **how,
        )

    def commit(self, generation: int, **how: str) -> dict[str, Any]:
        return self.run("commit", SERVICE, str(generation), str(self.epoch), **how)

    def revert(self, generation: int) -> dict[str, Any]:
        return self.run("revert", SERVICE, str(generation), str(self.epoch))

    def shift(self, generation: int) -> None:
        assert self.stage(generation)["ok"] and self.commit(generation)["ok"]

    def answers(self) -> set[int]:
        return {nginx.parse_status(line)[0].generation for line in self.run("read", SERVICE)["live"]}

    def served(self) -> int:
        answers = self.answers()
        assert len(answers) <= 1
        return answers.pop() if answers else 0
