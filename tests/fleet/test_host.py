"""The host program by itself: what it refuses, what it survives, and that it always says so in one JSON line."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess

import pytest

from bot.fleet import nginx
from bot.fleet.target import HostState
from bot.fleet.transport import PROGRAM
from bot.fleet.verbs import reading
from tests.fleet.conftest import SERVICE, Box, wait_for
from tests.fleet.program import PROGRAM_TEXT, Program


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


def test_what_was_live_comes_back_byte_for_byte(program: Program) -> None:
    program.shift(1)
    odd = program.text(1).encode() + b"# \xff no newline at the end"
    program.box.live.write_bytes(odd)
    program.shift(2)
    assert program.revert(2)["ok"] and program.box.live.read_bytes() == odd


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
