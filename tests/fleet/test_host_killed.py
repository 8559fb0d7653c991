"""The host program killed at any line: the file is old or new, and the next call repairs."""

from __future__ import annotations

import os
import re
import signal

import pytest

from tests.fleet.conftest import SERVICE, Box
from tests.fleet.program import PROGRAM_TEXT, Program


@pytest.fixture
def program(box: Box) -> Program:
    return Program(box)


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
