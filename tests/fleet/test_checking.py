"""What is made of the facts that a host tells of itself."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from bot.fleet.checking import findings
from bot.rollout.plan import FleetPlan, Host, InternalAudience, Plan, Traffic

HOST = Host("lb-1")
DIGEST = "d" * 64
SITE = """/etc/nginx/nginx.conf:2 worker_shutdown_timeout 1m;
/etc/nginx/sites-enabled/shop:9 proxy_pass http://$rollout_shop;
/etc/nginx/sites-enabled/shop:10 access_log /var/log/nginx/shop.log rollout_shop;"""
GOOD: dict[str, Any] = {
    "ok": True, "user": "root", "root": True, "speaks": 1, "installed": DIGEST, "missing": "", "master": 7,
    "nginx": "nginx version: nginx/1.22.1", "without": "", "signal": True, "present": True, "answers": True,
    "listening": True, "conf_dir": True, "conf_place": True, "room": 9999, "tried": None,
}  # fmt: skip


def plan(**fleet: Any) -> Plan:
    traffic = Traffic("sticky", ("10.0.0.1:80",), ("10.0.0.2:80",), "1", log_path="/var/log/nginx/shop.log")
    fleet_plan = FleetPlan("ssh", (HOST,), **fleet)
    return Plan("shop", "", "releases", traffic, fleet_plan, (), (), ())


def found(site: str = SITE, *, of: Plan | None = None, **facts: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    said = GOOD | {"lines": base64.b64encode(site.encode()).decode()} | facts
    return [(one.level, one.what, one.lines) for one in findings(of or plan(), HOST, said, DIGEST)]


def test_a_host_that_lacks_nothing() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("facts", "what", "line"),
    [
        ({"missing": "flock curl"}, "not installed: flock curl", "apt-get install curl util-linux"),
        ({"conf_dir": False}, "may not write /etc/nginx/conf.d", "rollout-bot host install lb-1"),
        ({"conf_place": False}, "may not write /etc/nginx", "rollout-bot host install lb-1"),
        ({"signal": False}, "may not signal nginx", "rollout-bot host install lb-1"),
        ({"room": 12}, "only 12 KB are free", None),
        ({"nginx": "nginx version: nginx/1.10.3"}, "needs 1.11.8 or later", None),
        ({"without": "split_clients autoindex"}, "without its split_clients module", None),
        ({"master": 0, "signal": False}, "nginx is not running", "systemctl start nginx"),
        ({"present": False, "answers": False}, "listens on port 8911 already", "{name: lb-1, status: 127.0.0.1:8912}"),
        ({"answers": False}, "no worker answers for it", "nginx -s reload"),
        ({"tried": {"code": "include", "error": ""}}, "does not include", "include /etc/nginx/conf.d/*.conf;"),
        ({"tried": {"code": "test", "error": "nginx -t: [emerg] oh"}}, "nginx -t: [emerg] oh", None),
        ({"ok": False, "error": "/etc/nginx/conf.d does not exist; create it"}, "does not exist", None),
    ],
)
def test_each_lack_is_named_with_its_mend(facts: dict[str, Any], what: str, line: str | None) -> None:
    ((level, said, lines),) = found(**facts)
    assert level == "missing" and what in said
    assert lines == () if line is None else lines[0].startswith(line)


def test_an_old_program_and_none_are_advice() -> None:
    assert found(installed="e" * 64)[0][::2] == ("advice", ("rollout-bot host install lb-1",))
    assert "may run anything" in found(installed="")[0][1]


def test_what_a_persons_own_configuration_has_to_say() -> None:
    said = found("", listening=False)
    assert [level for level, _, _ in said] == ["missing", "advice", "advice"]
    lines = [line for _, _, lines in said for line in lines]
    assert "proxy_pass http://$rollout_shop;" in lines and "worker_shutdown_timeout 60s;" in lines
    assert "access_log /var/log/nginx/shop.log rollout_shop;" in lines
    ((level, what, lines_),) = found(of=plan(worker_shutdown_timeout=90.0))
    assert (level, lines_) == ("missing", ("worker_shutdown_timeout 90s;",)) and "nginx has 60s" in what
    assert found(of=plan(worker_shutdown_timeout=60.0)) == []


def test_modules_are_asked_for_only_where_the_plan_needs_them() -> None:
    assert found(without="geo") == []
    traffic = Traffic("sticky", ("10.0.0.1:80",), ("10.0.0.2:80",), "1", internal=InternalAudience(("10.0.0.0/8",)))
    with_geo = Plan("shop", "", "releases", traffic, FleetPlan("ssh", (HOST,)), (), (), ())
    assert "geo module" in found(without="geo", of=with_geo)[0][1]
