"""The whole configuration as it would be, tried by the host program before anything is swapped."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.fleet import nginx
from bot.fleet.back import way_back
from bot.fleet.target import Target
from bot.fleet.transport import PROGRAM
from tests.fleet.conftest import SERVICE, Box
from tests.fleet.program import PROGRAM_TEXT, Program


@pytest.fixture
def program(box: Box) -> Program:
    return Program(box)


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
