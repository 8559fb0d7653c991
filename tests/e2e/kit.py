"""Running the console script as an operator does, and finding what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BOT = (sys.executable, "-m", "bot")


def run(*argv: str, timeout: float = 180, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | (env or {})
    return subprocess.run((*BOT, *argv), capture_output=True, text=True, timeout=timeout, env=environment)


@dataclass
class Started:
    """A run of the console script in the background, its output in files."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    @classmethod
    def of(cls, root: Path, *argv: str) -> Started:
        root.mkdir(parents=True, exist_ok=True)
        out, err = root / "stdout", root / "stderr"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            # A shell starts what it puts into the background with SIGINT ignored, and that is inherited.
            process = subprocess.Popen(
                (*BOT, *argv), stdout=stdout, stderr=stderr, start_new_session=True, preexec_fn=_interruptible
            )
        return cls(process, out, err)

    def output(self) -> str:
        return self.out.read_text("utf-8")

    def finish(self, timeout: float) -> tuple[int, str, dict[str, Any]]:
        """(exit status, the transcript, the last line as JSON, {} where it is none)."""
        status = self.process.wait(timeout)
        *lines, last = self.output().splitlines() or [""]
        done = json.loads(last) if last.startswith("{") else {}
        return status, "\n".join([*lines, self.err.read_text("utf-8")]), done

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def descendants(pid: int) -> dict[int, str]:
    """pid -> start time of every process below one, whatever its session or group. The two together are unique."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            parents[int(entry.name)] = stat
    found: dict[int, str] = {}
    fresh = {pid}
    while fresh:
        fresh = {child for child, (parent, _) in parents.items() if parent in fresh and child not in found}
        found |= {child: parents[child][1] for child in fresh}
    return found


def alive(processes: Mapping[int, str]) -> dict[int, str]:
    """Those that still run, with their command lines."""
    return {pid: _command(pid) for pid, started in processes.items() if (stat := _stat(pid)) and stat[1] == started}


def naming(folder: Path) -> dict[int, str]:
    """pid -> command line of every process that names the folder in it, whoever started it."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    commands = {pid: _command(pid) for pid in pids if _stat(pid)}
    return {pid: command for pid, command in commands.items() if str(folder) in command}


def _stat(pid: int) -> tuple[int, str] | None:
    """(parent, start time), None for what is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else (int(fields[1]), fields[19])


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "?"


def _interruptible() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
