"""Configurations as people really have them: the bot's file finds its place, and nobody's file is touched."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.fleet.local import LocalTransport
from bot.fleet.router import FleetRouter
from bot.fleet.target import HostState, Outcome
from tests.fleet.conftest import Box, Boxes, listening, wait_for

Files = dict[str, str]
SITE = (
    "server { listen IP:8000LISTEN; server_name app; location / { proxy_pass http://$rollout_brand_diagnosis; MORE } }"
)
KEPT = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;'
POOLS = """
server { listen IP:5000; return 200 "stable"; }
server { listen IP:5001; return 200 "canary"; }
"""


def site(more: str = KEPT, listen: str = "") -> str:
    return SITE.replace("LISTEN", listen).replace("MORE", more)


def debian() -> tuple[Files, Files]:
    """sites-enabled of links, snippets, a mime table, gzip, and the site among them."""
    return {
        "nginx.conf": """
            worker_processes auto; worker_rlimit_nofile 4096;
            pid ROOT/nginx.pid; error_log ROOT/error.log warn; daemon off;
            include ROOT/modules-enabled/*.conf;
            events { worker_connections 768; multi_accept on; }
            http {
                sendfile on; tcp_nopush on; types_hash_max_size 2048; server_tokens off; TEMP
                include ROOT/mime.types; default_type application/octet-stream;
                access_log off; gzip on; gzip_types text/plain application/json;
                ##
                # Virtual Host Configs; include nothing { here }
                ##
                include ROOT/conf.d/*.conf;
                include ROOT/sites-enabled/*;
            }""",
        "mime.types": "types { text/html html htm; text/plain txt; }",
        "snippets/headers.conf": "add_header X-Frame-Options DENY;\n"
        "add_header X-Note 'include conf.d/*.conf; # not this';",
        "sites-available/pools": POOLS,
        "sites-enabled/pools": "-> ../sites-available/pools",
    }, {
        "sites-available/shop": site(f"include ROOT/snippets/headers.conf; {KEPT}"),
        "sites-enabled/shop": "-> ../sites-available/shop",
    }


def tls() -> tuple[Files, Files]:
    """TLS and HTTP/2, with session tickets, a redirect from plain HTTP, and a default server that closes."""
    return {
        "nginx.conf": """
            worker_processes 2; pid ROOT/nginx.pid; error_log ROOT/error.log; daemon off; events {}
            http { TEMP access_log off; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:SSL:1m;
                   ssl_certificate tls/cert.pem; ssl_certificate_key tls/key.pem;
                   include conf.d/*.conf; }""",
        "conf.d/00-default.conf": "server { listen IP:8443 default_server; server_name _; return 444; }" + POOLS,
        "tls/cert.pem": "CERT",
    }, {
        "conf.d/shop.conf": site(listen=" ssl http2")
        + "server { listen IP:8080; return 301 https://$host$request_uri; }"
    }


def maps() -> tuple[Files, Files]:
    """Websockets by a map, upstreams with keepalive, limits, a cache, split logs, and a canary of their own."""
    return {
        "nginx.conf": """
            worker_processes 2; pid "ROOT/nginx.pid"; error_log 'ROOT/error.log'; daemon off;
            worker_shutdown_timeout 30s; events { use epoll; }
            http { TEMP map_hash_bucket_size 128;
              map $http_upgrade $connection_upgrade { default upgrade; '' close; }
              map $http_user_agent $is_bot { default 0; "~*(crawler|spider);" 1; }
              geo $office { default 0; 10.0.0.0/8 1; }
              split_clients "${remote_addr}AAA" $variant { 0.5% .one; 2.0% .two; * ""; }
              limit_req_zone $binary_remote_addr zone=perip:1m rate=1000r/s;
              proxy_cache_path ROOT/cache levels=1:2 keys_zone=cache:1m;
              log_format main '$remote_addr - [$time_local] "$request" $status { "not": "a block" } # include x;';
              map $status $loggable { ~^[23] 0; default 1; }
              access_log ROOT/access.log main if=$loggable;
              upstream other { zone other 64k; server IP:5000 weight=3; server IP:5001 backup; keepalive 32; }
              variables_hash_max_size 4096;
              include   conf.d/*.conf ;
              server { listen IP:8081; location / {
                proxy_pass http://other; proxy_http_version 1.1; proxy_set_header Connection ""; } }
            }""",
        "conf.d/pools.conf": POOLS,
    }, {
        "conf.d/zz-shop.conf": site(
            "limit_req zone=perip burst=500 nodelay; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;"
            "proxy_set_header Connection $connection_upgrade;"
            "if ($is_bot) { return 403; }"
        )
    }


def many() -> tuple[Files, Files]:
    """Two hundred servers, each in a file of its own beside the bot's."""
    servers = {
        f"conf.d/site-{n:03}.conf": f"server {{ listen IP:8082; server_name s{n}.example.com; return 200 '{n}'; }}\n"
        for n in range(200)
    }
    return {
        "nginx.conf": """worker_processes 2; pid ROOT/nginx.pid; error_log ROOT/error.log; daemon off; events {}
            http { TEMP access_log off; server_names_hash_max_size 4096; include conf.d/*.conf; }""",
        "conf.d/pools.conf": POOLS,
        **servers,
    }, {"conf.d/shop.conf": site()}


def nested() -> tuple[Files, Files]:
    """Nothing but includes in nginx.conf, http {} three files down, and conf.d itself a link."""
    return {
        "nginx.conf": "include ROOT/main/*.conf;\n",
        "main/10-core.conf": "worker_processes 2; pid ROOT/nginx.pid;\nerror_log ROOT/error.log; daemon off; events {}",
        "main/20-http.conf": "http {\n    include 'ROOT/http/*.conf';\n}\n",
        "http/00-base.conf": "TEMP access_log off;\n",
        "http/50-rest.conf": "# the rest\n\tinclude ./shared/../conf.d/[a-z]*.conf; include ROOT/vhosts/*.vhost;\n",
        "shared/.keep": "",
        "real-conf.d/.keep": "",
        "conf.d": "-> real-conf.d",
        "vhosts/pools.vhost": POOLS,
    }, {"vhosts/shop.vhost": site()}


def write(box: Box, files: Files) -> None:
    temp = "".join(f"{k}_temp_path {box.root}/tmp;" for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    for name, text in files.items():
        path = box.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            path.symlink_to(text[3:])
        elif text == "CERT":
            key = str(path.parent / "key.pem")
            command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=app"
            subprocess.run([*command.split(), "-keyout", key, "-out", path], check=True, capture_output=True)
        else:
            path.write_text(text.replace("ROOT", str(box.root)).replace("TEMP", temp).replace("IP", box.ip))


@pytest.fixture(params=[debian, tls, maps, many, nested], ids=lambda made: made.__name__)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Box, Files]]:
    before, after = request.param()
    box = Box("lb-1", tmp_path / "box")
    box.root.mkdir()
    write(box, before)
    (box.root / "conf.d").mkdir(exist_ok=True)
    box.process = subprocess.Popen(["nginx", "-c", f"{box.root}/nginx.conf"], stderr=subprocess.DEVNULL)
    wait_for(lambda: listening((box.ip, 5000)), "nginx did not start")
    pid = box.root / "nginx.pid"
    wait_for(lambda: pid.exists() and bool(pid.read_text().strip()), "nginx wrote no pid")
    yield box, after
    box.stop()


def sums(box: Box) -> dict[str, str]:
    """Of every file that a person wrote."""
    own = ("rollout-brand-diagnosis.conf", ".rollout-bot", ".rollout-bot-test.conf")
    files = [path for path in box.root.rglob("*") if path.is_file() and not any(part in own for part in path.parts)]
    made = ("nginx.pid", ".log", "cache", "tmp")
    kept = [path for path in files if not any(str(path.relative_to(box.root)).endswith(end) for end in made)]
    return {str(path.relative_to(box.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


async def ask(box: Box, secure: bool) -> str:
    context = ssl.create_default_context() if secure else None
    if context:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(box.ip, 8000, ssl=context)
    writer.write(b"GET / HTTP/1.1\r\nHost: app\r\nX-Internal-User: 1\r\nConnection: close\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    return next((pool for pool in ("stable", "canary") if pool in text.rpartition("\r\n\r\n")[2]), text)


async def test_forward_back_and_a_mistake_of_somebody_else(made: tuple[Box, Files]) -> None:
    box, after = made
    boxes, router = Boxes([box]), FleetRouter([box.host], LocalTransport(), deadline=60.0)
    assert (await router.roll_back(boxes.target(1, mode="stable"))).outcome is Outcome.DONE
    write(box, after)
    os.kill(box.master, signal.SIGHUP)
    wait_for(lambda: listening((box.ip, 8000)), "nginx did not take the person's server")
    before, secure = sums(box), "tls/cert.pem" in sums(box)
    shift = await router.shift(boxes.target(2, 0.0))
    assert shift.outcome is Outcome.DONE, shift.failed
    assert await ask(box, secure) == "canary"
    place = next(box.root / name for name in reversed(after) if not after[name].startswith("-> "))
    right = place.read_text()
    place.write_text(right + "\nnonsense;\n")
    report = await router.shift(boxes.target(3, 50.0))
    assert report.outcome is Outcome.REFUSED
    assert 'unknown directive "nonsense"' in report.failed[0].error and place.name in report.failed[0].error
    assert f":{right.count(chr(10)) + 2}" in report.failed[0].error, "in the line where it stands"
    assert await ask(box, secure) == "canary", "and nothing changed"
    place.write_text(right)
    assert (await router.roll_back(boxes.target(4, mode="stable"))).outcome is Outcome.DONE
    assert await ask(box, secure) == "stable"
    assert [reading.state for reading in await router.read("brand-diagnosis")] == [HostState.OK]
    assert sums(box) == before, "a person's file is never rewritten, and nothing is left lying about"
    await router.aclose()
