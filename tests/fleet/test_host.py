"""The host program by itself: what it refuses, what it survives, and that it always says so in one JSON line."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.fleet import nginx
from bot.fleet.back import way_back
from bot.fleet.target import HostState, Target
from bot.fleet.transport import PROGRAM, script
from bot.fleet.verbs import reading
from tests.fleet.conftest import SERVICE, Box, Boxes, wait_for

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


@pytest.fixture
def program(box: Box) -> Program:
    return Program(box)


def test_first_commit_and_its_revert(program: Program) -> None:
    program.shift(1)
    line = program.commit(1)
    assert line["ok"] and line["already"] and line["swapped"] and "generation=1 " in line["live"]
    line = program.revert(1)
    assert line["ok"] and not line["swapped"] and not program.box.live.exists() and program.served() == 0
    assert program.revert(1)["already"]
    assert program.commit(1)["code"] == "unstaged"
    program.shift(1)


def test_revert_brings_the_previous_back_and_lower_ones_stay_out(program: Program) -> None:
    program.shift(3)
    program.shift(5)
    assert program.stage(5)["already"]
    assert program.revert(5)["ok"] and program.served() == 3
    assert program.box.live.read_text() == program.text(3)
    assert program.stage(4)["code"] == "fenced" and program.stage(3)["code"] == "fenced"
    assert program.stage(5, 7.0)["code"] == "conflict"
    assert program.stage(4, verb="apply")["code"] == "fenced" and program.served() == 3


def test_of_one_generation_a_lower_epoch_is_refused_by_every_verb(program: Program) -> None:
    program.shift(1)
    program.epoch = 4
    program.shift(2)
    program.epoch = 3
    for line in (program.stage(2), program.commit(2), program.stage(2, verb="apply"), program.revert(2)):
        assert line["code"] == "deposed" and "epoch 4" in line["error"] and line["swapped"]
    assert program.served() == 2 and program.run("read", SERVICE)["epoch"] == 4
    program.shift(3)
    assert program.run("read", SERVICE)["epoch"] == 3, "the generation counts first"


def test_a_newer_bot_deposes_the_older_by_any_verb(program: Program) -> None:
    program.shift(1)
    program.stage(2)
    program.epoch = 1
    assert program.commit(2)["ok"]
    program.epoch = 0
    assert program.revert(2)["code"] == "deposed" and program.served() == 2
    program.epoch = 2
    assert program.stage(2)["already"]
    program.epoch = 1
    assert program.commit(2)["code"] == "deposed"
    program.epoch = 3
    assert program.revert(2)["ok"] and program.served() == 1
    program.epoch = 2
    assert program.stage(2)["code"] == "deposed" and program.served() == 1


def test_a_record_without_an_epoch_counts_as_epoch_0(program: Program) -> None:
    program.epoch = 5
    program.shift(1)
    record = program.box.state / f"{SERVICE}.seen"
    record.write_text(" ".join(record.read_text().split()[:2]) + "\n")
    program.epoch = 0
    assert program.commit(1)["already"] and program.run("read", SERVICE)["epoch"] == 0


def test_an_older_order_cannot_take_back_what_a_newer_one_is_about_to_replace(program: Program) -> None:
    program.shift(1)
    program.shift(2)
    program.stage(3)
    assert program.revert(2)["code"] == "fenced" and program.served() == 2
    assert program.commit(3)["ok"] and program.revert(2)["already"]


def test_a_late_commit_after_the_revert_does_nothing(program: Program) -> None:
    program.shift(1)
    program.stage(2)
    assert program.revert(2)["already"]
    assert program.commit(2)["code"] == "unstaged" and program.served() == 1


def test_what_arrives_broken_is_refused(program: Program) -> None:
    text = program.text(1)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert program.run("stage", SERVICE, "1", "0", digest, stdin=text[:-5])["code"] == "arrived"
    assert program.run("stage", SERVICE, "2", "0", digest, stdin=text)["code"] == "arrived"
    assert not program.box.live.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("stage", "a/../b", "1", "0", "0" * 64),
        ("stage", SERVICE, "1", "0", "zz"),
        ("stage", SERVICE, "-1", "0", "0" * 64),
        ("stage", SERVICE, "1", "-1", "0" * 64),
        ("stage", SERVICE, "1", "00", "0" * 64),
        ("commit", SERVICE, "$(id)"),
        ("commit", SERVICE, "007"),
        ("commit", SERVICE),
        ("remove", SERVICE, "1"),
    ],
)
def test_bad_arguments_are_refused(program: Program, words: tuple[str, ...]) -> None:
    assert program.run(*words)["code"] == "usage"


@pytest.mark.parametrize(
    "include",
    [
        "include conf.d/*.conf;",
        "\tinclude   './conf.d/*';",
        'server_tokens off; include "{root}/conf.d/rollout-*.conf"; include conf.d/site*.conf;',
        "# include conf.d/*.conf;\n  include {root}//conf.d/*.conf; # ours",
    ],
)
def test_every_way_to_include_the_directory(tmp_path: Path, include: str) -> None:
    box = Box("lb-1", tmp_path / "box")
    box.start(include.replace("{root}", str(box.root)))
    try:
        program = Program(box)
        program.shift(1)
        assert program.served() == 1
        (box.root / "conf.d" / "site.conf").write_text("nonsense;\n")
        line = program.stage(2)
        if "rollout-*" not in include or "site" in include:
            assert line["code"] == "test" and f"{box.root}/conf.d/site.conf:1" in line["error"]
    finally:
        box.stop()


@pytest.mark.parametrize("include", ["", "# include conf.d/*.conf;", "include conf.d/site*.conf;"])
def test_a_directory_that_is_not_included_is_refused_with_the_line_to_add(tmp_path: Path, include: str) -> None:
    box = Box("lb-1", tmp_path / "box").start(include)
    try:
        line = Program(box).stage(1)
        assert line["code"] == "include" and f"include {box.root}/conf.d/*.conf;" in line["error"]
        assert not (box.root / ".rollout-bot-test.conf").exists()
    finally:
        box.stop()


def test_a_full_disk_changes_nothing(program: Program) -> None:
    program.shift(1)
    program.before = "trap '' XFSZ; ulimit -f 0\n"
    assert program.stage(2)["code"] == "disk"
    program.before = ""
    assert program.served() == 1 and program.run("read", SERVICE)["pending"] == ""
    assert program.stage(2)["ok"]
    program.before = "trap '' XFSZ; ulimit -f 0\n"
    assert program.commit(2)["code"] == "disk"
    program.before = ""
    assert program.served() == 1
    assert program.commit(2)["ok"]
    program.before = "trap '' XFSZ; ulimit -f 0\n"
    assert program.revert(2)["ok"]
    program.before = ""
    assert program.served() == 1


def test_nginx_that_cannot_bind_keeps_what_it_had(program: Program) -> None:
    """`nginx -t` says yes to a port another process holds; only the reload finds out."""
    program.shift(1)
    with socket.create_server((program.box.ip, 8099)):
        bad = program.box.root / "conf.d" / "person.conf"
        bad.write_text(f"server {{ listen {program.box.ip}:8099; }}\n")
        assert program.stage(2)["ok"]
        line = program.commit(2)
        assert line["code"] == "not_taken" and not line["swapped"] and "bind()" in line["error"]
        assert program.served() == 1 and program.box.live.read_text() == program.text(1)
        bad.unlink()
    program.shift(3)


def test_a_stopped_master_is_no_success(program: Program) -> None:
    program.shift(1)
    program.stage(2)
    program.wait = 40
    os.kill(program.box.master, signal.SIGSTOP)
    line = program.commit(2)
    assert line["code"] == "not_taken" and not line["swapped"] and program.served() == 1
    line = program.stage(3, verb="apply")
    assert line["code"] == "not_taken" and line["swapped"], "a rollback's file stays for when nginx wakes"
    os.kill(program.box.master, signal.SIGCONT)
    wait_for(lambda: program.answers() == {3}, "the waking master did not take the rollback")
    assert program.stage(3, verb="apply")["ok"]
    assert program.run("read", SERVICE)["pending"] == ""


def test_nginx_that_is_not_running(program: Program) -> None:
    program.shift(1)
    program.box.stop()
    assert program.stage(2)["code"] == "down"
    line = program.stage(3, verb="apply")
    assert line["code"] == "down" and line["swapped"] and "start it" in line["error"]
    line = program.run("read", SERVICE)
    assert line["master"] == 0
    found = reading("lb-1", line)
    assert found.state is HostState.DOWN and found.file and found.file.generation == 3 and not found.live
    assert nginx.is_ours_unedited(found.body), "what it would serve is known all the same"
    program.box.start()
    assert program.served() == 3 and program.stage(3, verb="apply")["ok"]


def test_a_person_between_stage_and_commit_is_not_overwritten(program: Program) -> None:
    program.shift(1)
    program.stage(2)
    program.box.live.write_text(program.text(1).replace("1.00%", "0.50%"))
    assert program.commit(2)["code"] == "moved" and "0.50%" in program.box.live.read_text()


def test_the_copy_of_nginx_conf_is_made_anew_once_anything_it_comes_from_has_changed(program: Program) -> None:
    program.shift(1)
    conf, copy = program.box.root / "nginx.conf", program.box.root / ".rollout-bot-test.conf"
    made = copy.stat().st_ino, copy.read_text()
    times = conf.stat().st_atime_ns, conf.stat().st_mtime_ns
    copy.write_text(made[1] + "# a person's\n")
    program.shift(2)
    assert copy.read_text() == made[1]
    right = conf.read_text()
    conf.write_text(right.replace("access_log off;", "access_log oof"))
    os.utime(conf, ns=times)
    line = program.stage(3)
    assert line["code"] == "test" and str(conf) in line["error"], "whatever its time says"
    conf.write_text(right)
    program.shift(3)
    assert program.served() == 3


def test_a_check_leaves_what_is_staged(program: Program) -> None:
    program.shift(1)
    program.stage(2)
    host = program.box.host
    place = [host.nginx, host.nginx_conf, host.conf_dir, host.pid_file, host.status, "300"]
    done = subprocess.run(
        ["sh", "-c", PROGRAM_TEXT, PROGRAM, *place, "check", SERVICE], capture_output=True, timeout=20, check=True
    )
    assert json.loads(done.stdout)["tried"] is None
    assert program.commit(2)["ok"] and program.served() == 2


def test_what_was_live_comes_back_byte_for_byte(program: Program) -> None:
    program.shift(1)
    odd = program.text(1).encode() + b"# \xff no newline at the end"
    program.box.live.write_bytes(odd)
    program.shift(2)
    assert program.revert(2)["ok"] and program.box.live.read_bytes() == odd


def test_a_stage_that_failed_takes_back_an_earlier_one(program: Program) -> None:
    program.shift(1)
    assert program.stage(2)["ok"]
    bad = program.box.root / "conf.d" / "person.conf"
    bad.write_text("nonsense;\n")
    assert program.stage(2)["code"] == "test"
    bad.unlink()
    assert program.commit(2)["code"] == "unstaged" and program.served() == 1


def test_wget_does_where_curl_is_missing(program: Program, tmp_path: Path) -> None:
    tools = "awk base64 cat chmod cmp cp cut dd flock grep head ln mkdir mv nginx rm sed sha256sum sleep sync tail tr"
    tools += " wc wget"
    for tool in tools.split():
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    program.before = f"PATH={tmp_path}\n"
    program.shift(1)
    assert program.served() == 1 and program.commit(1)["already"]
    assert program.revert(1)["ok"]


def test_the_way_back_is_tested_beforehand_and_no_other_file_is_mistaken_for_it(
    program: Program, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    shim = tmp_path / "bin" / "nginx"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho "$1" >>{calls}\nexec {shutil.which("nginx")} "$@"\n')
    shim.chmod(0o755)
    program.before = f"PATH={shim.parent}:$PATH\n"

    def order(verb: str, target: Target, *back: str) -> dict[str, Any]:
        text = nginx.render(target, program.box.host)
        digest = hashlib.sha256(text.encode()).hexdigest()
        calls.write_text("")
        return program.run(verb, SERVICE, str(number), "0", digest, *back, stdin=text)

    ready = hashlib.sha256(nginx.render(way_back(program.boxes.target(1)), program.box.host).encode()).hexdigest()
    for number, weight in ((1, 1.0), (2, 10.0)):
        assert order("ready", way_back(program.boxes.target(number, weight)))["ok"]
        assert calls.read_text() == ("-t\n" if number == 1 else ""), "one test a rollout"
        assert order("stage", program.boxes.target(number, weight), ready)["ok"] and calls.read_text() == "-t\n"
        assert program.commit(number)["ok"]
    number = 3
    line = order("apply", program.boxes.target(3, 0.0, "stable", internal=False))
    assert line["ok"] and calls.read_text() == "" and program.served() == 3
    number = 4
    other = program.boxes.target(4, 0.0, "stable", internal=False, salt="another", rollout="ROLLOUT-20260302-2")
    assert order("apply", other)["ok"] and calls.read_text() == "-t\n" and program.served() == 4
    number = 5
    assert order("stage", program.boxes.target(5, 1.0), "0" * 64)["code"] == "noback"
    assert not (program.box.state / f"{SERVICE}.tested").read_text().startswith("5 ")


def test_two_services_on_one_host(program: Program) -> None:
    program.shift(1)
    target = program.boxes.target(7, 5.0)
    other = nginx.render(type(target)("other", "R-2", 7, target.traffic, "shift", 5.0, False, "R-2"), program.box.host)
    digest = hashlib.sha256(other.encode()).hexdigest()
    assert program.run("apply", "other", "7", "0", digest, stdin=other)["ok"]
    assert program.served() == 1
    assert nginx.parse_status(program.run("read", "other")["live"][0])[0].generation == 7


def test_a_rollback_interrupts_a_commit_that_waits(program: Program) -> None:
    program.shift(1)
    program.stage(2)
    program.wait = 1500
    os.kill(program.box.master, signal.SIGSTOP)
    host = program.box.host
    place = [host.nginx, host.nginx_conf, host.conf_dir, host.pid_file, host.status, "1500"]
    waiting = subprocess.Popen(
        ["sh", "-c", PROGRAM_TEXT, PROGRAM, *place, "commit", SERVICE, "2", "0"], stdout=subprocess.PIPE
    )
    wait_for(lambda: program.box.live.read_text() == program.text(2), "the commit did not swap")
    program.wait = 50
    program.stage(3, 0.0, verb="apply")
    line = json.loads(waiting.communicate(timeout=3)[0])
    assert line["code"] == "fenced"
    os.kill(program.box.master, signal.SIGCONT)
    program.wait = 300
    assert program.stage(3, 0.0, verb="apply")["ok"] and program.served() == 3


def killed_at(function: str, number: int) -> str | None:
    """The program, killed with SIGKILL after the function's nth line; None when it has no such line."""
    found = re.search(rf"^{function}\(\) {{.*?\n(.*?)^}}", PROGRAM_TEXT, re.MULTILINE | re.DOTALL)
    assert found
    ends = [
        match.end() for match in re.finditer(r"^    \S.*(?<!then)(?<!&&)(?<!\|\|)(?<!\{)\n", found[1], re.MULTILINE)
    ]
    if number >= len(ends):
        return None
    at = found.start(1) + ends[number]
    return PROGRAM_TEXT[:at] + "kill -9 $$\n" + PROGRAM_TEXT[at:]


@pytest.mark.parametrize("function", ["receive", "keep_before", "prepare", "swap", "reload"])
def test_killed_anywhere_it_leaves_old_or_new_and_the_next_call_repairs(program: Program, function: str) -> None:
    program.shift(1)
    generation, number, kills = 1, 0, 0
    while text := killed_at(function, number):
        old, generation = generation, generation + 1
        program.wait = 300
        first = program.stage(generation, text=text)
        killed = "killed" in first or "killed" in program.commit(generation, text=text)
        if not killed:
            break  # the rest is for a reload that is not taken
        kills += 1
        assert program.box.live.read_text() in (program.text(old), program.text(generation))
        assert program.answers() <= {old, generation}, "it may be killed while the workers change"
        if number % 3 == 0:
            program.shift(generation)
        elif number % 3 == 1:
            generation += 1
            assert program.stage(generation, verb="apply")["ok"]
        else:
            line = program.revert(generation)
            assert line["ok"] and not line["swapped"] and program.served() == old
            generation += 1
            program.shift(generation)
        line = program.run("read", SERVICE)
        assert program.served() == generation and line["pending"] == ""
        number += 1
    assert kills >= 3


def test_killed_while_it_puts_back_the_next_call_repairs(program: Program) -> None:
    program.shift(1)
    program.stage(2)
    kills = 0
    for number in range(10, 20, 2):
        if not (text := killed_at("swap", number)):
            break
        program.wait = 15
        os.kill(program.box.master, signal.SIGSTOP)
        kills += "killed" in program.commit(2, text=text)
        os.kill(program.box.master, signal.SIGCONT)
        program.wait = 300
        line = program.revert(2)
        assert line["ok"] and program.served() == 1 and program.run("read", SERVICE)["pending"] == ""
        assert program.stage(2)["ok"]
    assert kills >= 2
    assert program.commit(2)["ok"]


def test_a_killed_commit_is_undone_by_the_next_stage_and_a_killed_rollback_goes_on(program: Program) -> None:
    program.shift(1)
    after_swap = PROGRAM_TEXT.replace("    swapped=true reason=''\n", "    kill -9 $$\n")
    assert after_swap != PROGRAM_TEXT
    program.stage(2)
    assert "killed" in program.commit(2, text=after_swap)
    line = program.run("read", SERVICE)
    assert line["pending"] == "commit 2" and program.served() == 1
    assert program.stage(3)["ok"] and program.box.live.read_text() == program.text(1)
    assert "killed" in program.stage(4, verb="apply", text=after_swap)
    assert program.stage(5)["ok"] and program.served() == 4
