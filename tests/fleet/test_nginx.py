"""Rendering and reading back, as text; nginx itself judges the examples and a sample of everything possible."""

from __future__ import annotations

import hashlib
import re
import string
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.fleet import nginx, valid
from bot.fleet.target import Serving, Target
from bot.rollout.plan import Host, InternalAudience, Traffic

HOST = Host("lb-1")
TRAFFIC = Traffic(
    strategy="sticky",
    stable=("10.0.1.10:5000", "10.0.1.12:5000"),
    canary=("10.0.1.11:5000",),
    stable_version="1.0",
    upstream="brand_backend",
    override_cookie=("gray_release", "true"),
    internal=InternalAudience(("10.0.0.0/8",), ("X-Internal-User", "1")),
    log_path="/var/log/nginx/rollout.log",
)
TARGET = Target("brand-diagnosis", "ROLLOUT-20260302-1", 12, TRAFFIC, "shift", 1.0, True, "ROLLOUT-20260302-1")


def rendered(**changes: object) -> str:
    parts = {key: changes.pop(key) for key in list(changes) if key in Target.__slots__}
    return nginx.render(replace(TARGET, traffic=replace(TRAFFIC, **changes), **parts), HOST)  # type: ignore[arg-type]


def block(text: str, opening: str) -> list[str]:
    found = re.search(rf"^{re.escape(opening)}[^\n]*{{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL)
    assert found, f"no {opening}"
    return [line.strip() for line in found[1].splitlines()]


def test_sticky_file() -> None:
    text = rendered()
    assert text.startswith("# written by rollout-bot, do not edit\n# service brand-diagnosis\n")
    assert block(text, "split_clients") == ["1.00% brand_diagnosis_canary;", "* brand_diagnosis_stable;"]
    assert block(text, "map $cookie_uid ") == ['"" $remote_addr;', "default $cookie_uid;"]
    assert 'split_clients "${ro_key1_brand_diagnosis}ROLLOUT-20260302-1" $ro_share_brand_diagnosis' in text
    assert block(text, "geo $ro_net_brand_diagnosis") == ["default 0;", "10.0.0.0/8 1;"]
    assert "server_name rollout-brand-diagnosis;" in text and "listen 127.0.0.1:8911;" in text


def test_at_zero_the_canary_line_is_left_out_and_at_a_hundred_the_stable_one() -> None:
    assert block(rendered(weight=0.0), "split_clients") == ["* brand_diagnosis_stable;"]
    assert block(rendered(weight=100.0), "split_clients") == ["* brand_diagnosis_canary;"]


def test_the_key_is_never_empty_whatever_it_is_made_of() -> None:
    text = rendered(sticky_by=("$cookie_uid", "$http_x_device"))
    assert block(text, "map $http_x_device ") == ['"" $remote_addr;', "default $http_x_device;"]
    assert block(text, "map $cookie_uid ") == ['"" $ro_key2_brand_diagnosis;', "default $cookie_uid;"]
    assert 'split_clients "${remote_addr}' in rendered(sticky_by=())


def test_without_the_audience_nobody_is_let_in_past_the_share() -> None:
    text = rendered(internal=False)
    assert "gray_release" not in text and "10.0.0.0/8" not in text
    assert "$rollout_brand_diagnosis {" in text


@pytest.mark.parametrize("mode", ["stable", "canary"])
@pytest.mark.parametrize("strategy", ["sticky", "weighted", "blue_green"])
def test_one_pool_modes_have_no_way_around(mode: str, strategy: str) -> None:
    text = rendered(mode=mode, weight=37.0, strategy=strategy)
    assert block(text, 'split_clients "" $rollout_brand_diagnosis') == [f"* brand_diagnosis_{mode};"]
    assert "gray_release" not in text and "% brand" not in text and "geo " not in text
    if strategy == "weighted":
        other = {"stable": TRAFFIC.canary, "canary": TRAFFIC.stable}[mode][0]
        assert not any(other in line for line in block(text, "upstream brand_backend"))
    header = nginx.parse_header(text)
    assert header and header.weight == {"stable": 0.0, "canary": 100.0}[mode] and not header.internal


def test_blue_green_knows_no_share_between() -> None:
    final = 'split_clients "" $ro_share_brand_diagnosis'
    assert block(rendered(strategy="blue_green", weight=0.0), final) == ["* brand_diagnosis_stable;"]
    assert block(rendered(strategy="blue_green", weight=100.0), final) == ["* brand_diagnosis_canary;"]
    assert "audience brand_diagnosis_canary;" in rendered(strategy="blue_green", weight=0.0)
    with pytest.raises(ValueError, match="weights of 0 and 100"):
        rendered(strategy="blue_green", weight=10.0)


@given(st.integers(0, 10000), st.integers(1, 7), st.integers(1, 7))
def test_weighted_shares_are_exact_for_any_pool_sizes(share: int, stable: int, canary: int) -> None:
    pools = tuple(f"10.0.1.{n}:80" for n in range(stable)), tuple(f"10.0.2.{n}:80" for n in range(canary))
    text = rendered(strategy="weighted", weight=share / 100, stable=pools[0], canary=pools[1])
    sums = {"1": 0, "2": 0}
    for line in block(text, "upstream brand_backend"):
        if match := re.match(r"server 10\.0\.(\d)\.\d+:80 weight=(\d+)", line):
            assert int(match[2]) > 0
            sums[match[1]] += int(match[2])
    assert Fraction(sums["2"], sum(sums.values())) == Fraction(share, 10000)


@given(st.integers(1, 10000), st.integers(0, 9999))
def test_a_smaller_share_is_inside_a_larger_one(larger: int, smaller: int) -> None:
    """The canary's line is first, so a hash below the smaller share's bound is below the larger one's."""
    smaller = min(smaller, larger)
    lines = [block(rendered(weight=share / 100), "split_clients") for share in (smaller, larger)]
    for share, (first, *_) in zip((smaller, larger), lines, strict=True):
        assert first == (
            {0: "* brand_diagnosis_stable;", 10000: "* brand_diagnosis_canary;"}.get(share)
            or f"{share / 100:.2f}% brand_diagnosis_canary;"
        )


@given(
    st.integers(1, valid.GENERATION_MAX - 1),
    st.integers(0, 10000),
    st.booleans(),
    st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=64),
)
def test_what_is_written_is_read_back(generation: int, share: int, internal: bool, rollout: str) -> None:
    target = replace(TARGET, generation=generation, weight=share / 100, internal=internal, rollout=rollout)
    text = nginx.render(target, HOST)
    assert text == nginx.render(target, HOST)
    assert nginx.is_ours_unedited(text)
    assert nginx.parse_header(text) == nginx.expected(target)
    answer = re.search(r'return 200 "(.*)\\n"', text)
    assert answer and nginx.parse_status(answer[1].replace("$pid", "4711") + "\n") == (nginx.expected(target), 4711)


@given(st.data())
def test_any_changed_byte_is_an_edit(data: st.DataObject) -> None:
    text = rendered()
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("x0 #\n").filter(lambda one: one != text[at]))
    assert not nginx.is_ours_unedited(text[:at] + other + text[at + 1 :])
    assert not nginx.is_ours_unedited(text[:at] + text[at + 1 :])
    assert not nginx.is_ours_unedited(text + "\n")


@pytest.mark.parametrize(
    ("changes", "mend"),
    [
        ({"service": "a b"}, "lower-case letters"),
        ({"service": "brand_diagnosis"}, "lower-case letters"),
        ({"service": "x" * 33}, "32 characters"),
        ({"service": "a-pool"}, "choose one"),
        ({"rollout": "x;}"}, "letters, digits"),
        ({"rollout": "x\n# generation 99"}, "letters, digits"),
        ({"salt": '"$x'}, "letters, digits"),
        ({"generation": 0}, "whole number"),
        ({"weight": 1.005}, "two decimals"),
        ({"weight": float("nan")}, "0 to 100"),
        ({"weight": 101.0}, "0 to 100"),
        ({"mode": "blue"}, "shift, stable or canary"),
        ({"stable": ()}, "at least one"),
        ({"stable": ("web-1:5000",)}, "IP address"),
        ({"stable": ("10.0.0.1",)}, "IP address"),
        ({"stable": ("10.0.0.1:0",)}, "IP address"),
        ({"stable": ("10.0.0.1:80; include /etc/passwd",)}, "IP address"),
        ({"canary": ("10.0.1.10:5000",)}, "listed twice"),
        ({"sticky_by": ("$uid}",)}, "$cookie_uid"),
        ({"sticky_by": ("cookie_uid",)}, "$cookie_uid"),
        ({"override_cookie": ("gray-release", "true")}, "letters, digits and '_'"),
        ({"override_cookie": ("gray", 'a";')}, "letters, digits"),
        ({"internal": True, "internal_": InternalAudience(("10.0.0.1/8",))}, "10.0.0.0/8"),
        ({"internal_": InternalAudience((), ("X_Internal", "1"))}, "letters, digits and '-'"),
        ({"log_path": "/var/log/x y"}, "absolute path"),
        ({"log_path": "/var/../etc/x"}, "absolute path"),
        ({"keepalive": -1}, "0 to 1024"),
        ({"strategy": "weighted", "upstream": ""}, "traffic.upstream"),
        ({"strategy": "weighted", "upstream": "brand_diagnosis_canary"}, "used before"),
    ],
)
def test_what_could_break_out_is_refused_with_the_mend(changes: dict[str, object], mend: str) -> None:
    traffic = {("internal" if k == "internal_" else k): v for k, v in changes.items() if k not in Target.__slots__}
    parts = {k: v for k, v in changes.items() if k in Target.__slots__}
    with pytest.raises(ValueError, match=re.escape(mend)):
        nginx.render(replace(TARGET, traffic=replace(TRAFFIC, **traffic), **parts), HOST)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["0.0.0.0:8911", "10.0.0.1:8911", "localhost:8911"])
def test_the_read_back_server_is_never_reachable_from_outside(status: str) -> None:
    with pytest.raises(ValueError):
        nginx.render(TARGET, replace(HOST, status=status))


@settings(max_examples=60)
@given(st.text(max_size=30))
def test_no_text_at_all_gets_out_of_its_place(text: str) -> None:
    """Whatever is accepted leaves the file with the same braces and semicolons outside of comments."""
    shape = sum(rendered().count(sign) for sign in "{};")
    for field in ("rollout", "salt"):
        try:
            made = rendered(**{field: text})
        except ValueError:
            continue
        assert sum(made.count(sign) for sign in "{};") == shape


def test_status_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="something else"):
        nginx.parse_status("<html>404</html>")
    assert nginx.parse_header("server { listen 80; }") is None
    assert not nginx.is_ours_unedited("")
    edited = rendered().replace("# weight 1.00", "# weight lots")
    assert nginx.parse_header(edited) is None


def test_diff_is_short_and_says_what_changes() -> None:
    diff = nginx.diff(rendered(), rendered(weight=10.0, generation=13))
    assert "-    1.00% brand_diagnosis_canary;\n+    10.00% brand_diagnosis_canary;\n" in diff
    assert "sha256" not in diff and "return 200" not in diff and len(diff.splitlines()) < 16
    assert nginx.diff(rendered(), rendered()) == ""
    assert nginx.diff("", rendered()).count("\n+") > 50


def test_the_digest_is_of_everything_but_its_own_line() -> None:
    text = rendered()
    line = next(line for line in text.splitlines() if line.startswith("# sha256 "))
    assert hashlib.sha256(text.replace(line + "\n", "").encode()).hexdigest() == line.removeprefix("# sha256 ")


def test_serving_of_a_target() -> None:
    assert nginx.expected(TARGET) == Serving("brand-diagnosis", "ROLLOUT-20260302-1", 12, "shift", 1.0, True)


def nginx_accepts(root: Path, text: str, name: str) -> str:
    (root / "rollout.conf").write_text(text)
    temp = "".join(f"{kind}_temp_path {root}/tmp;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (root / "nginx.conf").write_text(
        f"pid {root}/pid; error_log {root}/error.log; events {{}} http {{ {temp} include {root}/rollout.conf;\n"
        f"server {{ listen 127.0.0.1:18999; access_log {root}/access.log rollout_{name};\n"
        f"location / {{ proxy_pass http://$rollout_{name}; }} }} }}\n"
    )
    done = subprocess.run(["nginx", "-t", "-c", f"{root}/nginx.conf"], capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if "[" in line]
    return "\n".join(lines) or ("" if done.returncode == 0 else "failed")


TARGETS = st.builds(
    Target,
    service=st.sampled_from(["brand-diagnosis", "a", "a" * 32]),
    rollout=st.just("ROLLOUT-20260302-1"),
    generation=st.integers(1, valid.GENERATION_MAX - 1),
    traffic=st.builds(
        Traffic,
        strategy=st.sampled_from(["sticky", "weighted", "blue_green"]),
        stable=st.sampled_from([("10.0.1.10:5000",), tuple(f"10.0.1.{n}:80" for n in range(1, 40))]),
        canary=st.sampled_from([("[2001:db8::1]:5000",), ("10.0.2.1:80", "10.0.2.2:80")]),
        stable_version=st.just("1"),
        upstream=st.just("old_upstream"),
        sticky_by=st.sampled_from([(), ("$remote_addr",), ("$cookie_uid", "$http_x_device", "$arg_user")]),
        override_cookie=st.sampled_from([None, ("gray", "default"), ("gray", "~x"[1:] * 40), ("g", "include")]),
        internal=st.builds(
            InternalAudience,
            cidrs=st.sampled_from([(), ("10.0.0.0/8", "10.0.0.0/8", "::1/128")]),
            header=st.sampled_from([None, ("X-Internal-User", "1"), ("X", "volatile")]),
        ),
        log_path=st.sampled_from(["", "/var/log/nginx/rollout.log"]),
        keepalive=st.sampled_from([0, 16]),
    ),
    mode=st.sampled_from(["shift", "stable", "canary"]),
    weight=st.sampled_from([0.0, 0.01, 1.0, 33.33, 99.99, 100.0]),
    internal=st.booleans(),
    salt=st.just("ROLLOUT-20260302-1"),
).filter(lambda target: target.traffic.strategy != "blue_green" or target.weight in (0.0, 100.0))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TARGETS)
def test_nginx_accepts_every_file_without_a_warning(tmp_path: Path, target: Target) -> None:
    assert nginx_accepts(tmp_path, nginx.render(target, HOST), valid.slug(target.service)) == ""
