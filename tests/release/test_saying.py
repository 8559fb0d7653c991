"""Whatever a piece of work may say of itself has a sentence in both languages, with its facts."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

from bot.release.findings import also, exited, failed, passed
from bot.release.ports import End, Ran
from bot.release.report.model import Report, Text
from bot.release.report.saying import told as inline
from bot.release.report.words import Speech
from bot.release.said_en import SAID as EN
from bot.release.said_zh import SAID as ZH
from bot.release.saying import english, said
from bot.rollout.work import Said
from bot.slack.messages.saying import told
from bot.slack.messages.words import Words

ROOT = Path(__file__).parents[2]
PRODUCERS = [*(ROOT / "bot/release").rglob("*.py"), ROOT / "bot/engine/works.py"]
WORKS = ast.parse((ROOT / "bot/engine/works.py").read_text())
EN_W, ZH_W = Words("en", "Asia/Shanghai"), Words("zh", "Asia/Shanghai")


def fields(phrase: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


def calls() -> list[tuple[str, set[str] | None]]:
    """(code, the names of its facts; None = they are put together elsewhere) of each place that says something."""
    found: list[tuple[str, set[str] | None]] = []
    for tree in (ast.parse(path.read_text()) for path in PRODUCERS):
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "said"):
            code = call.args[0] if call.args else None
            if not isinstance(code, ast.Constant):
                continue
            names: set[str] | None = {k.arg for k in call.keywords if k.arg}
            spans = call.args[1] if len(call.args) > 1 else ast.Dict([], [])
            if isinstance(spans, ast.Dict):
                names |= {key.value for key in spans.keys if isinstance(key, ast.Constant)}  # type: ignore[operator]
            else:
                names = None
            found.append((code.value, names))
    return found


def test_every_code_that_is_said_has_its_sentence_and_no_other_is_there() -> None:
    hosts = next(
        n for n in ast.walk(WORKS) if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "ASTRAY"
    )
    assert isinstance(hosts.value, ast.Dict)
    codes = {code for code, _ in calls()} | {v.value for v in hosts.value.values if isinstance(v, ast.Constant)}
    assert len(codes) > 60
    assert codes == set(EN) == set(ZH)


def test_both_languages_name_the_same_facts_and_no_figure_of_their_own() -> None:
    assert {k: fields(v) for k, v in EN.items()} == {k: fields(v) for k, v in ZH.items()}
    assert not [v for v in (*EN.values(), *ZH.values()) if re.search(r"\d", v)]
    assert not [v for v in ZH.values() if "{before}" not in v and v != "{value}" and not re.search("[一-鿿“]", v)
                and v != "HTTP {status}，{ms} 毫秒"]  # fmt: skip


def test_each_is_said_with_the_facts_it_names() -> None:
    assert [c for c, names in calls() if names is not None and names != fields(EN[c]) - {"before"}] == []


def test_a_command_that_failed_twice_reads_the_same_everywhere_but_for_its_language() -> None:
    came = also(failed(*exited(Ran(End.EXITED, 4, "no such <image>\n"))), said("tried", n="3"))
    assert came.summary == "try 3: exit 4: no such <image>"
    assert told(EN_W, came.said, "") == "try 3: exit 4: no such &lt;image&gt;"
    assert told(ZH_W, came.said, "") == "第 3 次尝试：退出码 4：“no such &lt;image&gt;”"


def test_a_length_of_time_is_in_the_words_of_the_language() -> None:
    what = (said("late", {"limit": 30.0}),)
    assert english(what) == "no answer within 30 s"
    assert told(ZH_W, what, "") == "30 秒内没有响应"


def test_others_words_are_quoted_and_an_unknown_code_falls_back() -> None:
    assert told(ZH_W, (), "permission denied") == "“permission denied”"
    assert told(EN_W, (Said("of_tomorrow"),), "all is new") == "all is new"
    assert told(ZH_W, (), " ") == ""
    assert inline((Said("of_tomorrow"),), "all is new", (3,)) == Text("all is new", (3,))


def test_long_facts_stay_short_enough_for_a_message() -> None:
    what = passed(said("http_not", status="1", ms="2", wanted="3"), *[said("host_error", host="h", why="x" * 400)] * 5)
    assert len(told(ZH_W, what.said, "")) < 400
    assert len(what.summary) <= 200


def test_the_report_says_it_in_its_language() -> None:
    what = (said("read_back", n="1", total="2", share="0"), said("host_down", host="lb-2"))
    frame = Report("R", Text("t", ()), Text("o", ()), (), 0.0, "Asia/Shanghai")
    assert Speech("zh", frame).plain(inline(what, "", (3,))) == "2 台主机中 1 台回读为 0 %；lb-2：nginx 未运行"
    assert Speech("en", frame).plain(inline(what, "", (3,))) == english(what)


def test_the_report_says_the_bots_own_errors_in_its_language_and_what_is_signed_is_the_same() -> None:
    what = (said("quoted", said="Prometheus cannot be reached"),)
    frame = Report("R", Text("t", ()), Text("o", ()), (), 0.0, "Asia/Shanghai")
    assert Speech("zh", frame).plain(inline(what, "", (3,))) == "“无法连接 Prometheus”"
    assert Speech("en", frame).plain(inline(what, "", (3,))) == "Prometheus cannot be reached"
    assert Speech("zh", frame).plain(Text("Prometheus cannot be reached", (3,))) == "Prometheus cannot be reached"
    assert repr(Text("x", (3,), error=True)) == repr(Text("x", (3,)))
