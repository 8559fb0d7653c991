"""The same change of the same hosts by Ansible and pyinfra, in a virtual environment of the benchmark's own.

Each does less than the bot: nobody reads back what the workers serve, and one bad host does not stop the others.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.fleet.nginx import file_name
from bot.rollout.plan import Host

VENV = Path("build/bench-venv")
_CONFIG = """[defaults]
forks = 50
gathering = explicit
interpreter_python = {python}
stdout_callback = ansible.builtin.minimal
[ssh_connection]
pipelining = True
control_path_dir = {folder}/cp
ssh_args = -o ControlMaster=auto -o ControlPersist=120s -o UserKnownHostsFile={known} -o IdentitiesOnly=yes
"""
_PLAYBOOK = """- hosts: all
  gather_facts: false
  tasks:
    - copy: {src: "{{ text_file }}", dest: "{{ live_file }}", mode: "0644"}
    - command: nginx -t -q -c {{ nginx_conf }}
    - command: nginx -s reload -c {{ nginx_conf }}
"""
_RAW = """- hosts: all
  gather_facts: false
  tasks:
    - raw: "{{ command }}"
"""
_DEPLOY = """from pyinfra import host
from pyinfra.operations import server
server.shell(commands=[host.data.command])
"""


@dataclass
class Rivals:
    """folder: for their files. texts: host -> the file it is to have. Connections of Ansible are warm after `warm`."""

    folder: Path
    service: str
    hosts: list[Host]
    known_hosts: Path
    key_file: Path

    def prepare(self, texts: Mapping[str, str]) -> None:
        (self.folder / "cp").mkdir(exist_ok=True)
        python = VENV.resolve() / "bin" / "python"
        config = _CONFIG.format(python=python, folder=self.folder, known=self.known_hosts)
        (self.folder / "ansible.cfg").write_text(config)
        for name, text in (("playbook.yml", _PLAYBOOK), ("raw.yml", _RAW), ("deploy.py", _DEPLOY)):
            (self.folder / name).write_text(text)
        inventory, data = {}, []
        for host in self.hosts:
            values = self._values(host, texts[host.name])
            inventory[host.name] = values | {
                "ansible_host": host.address,
                "ansible_port": host.port,
                "ansible_ssh_private_key_file": str(self.key_file),
            }
            data.append((host.name, self._for_pyinfra(host, values["command"])))
        (self.folder / "inventory.json").write_text(json.dumps({"all": {"hosts": inventory}}))
        (self.folder / "inventory.py").write_text(f"everything = {data!r}\n")

    def playbook(self) -> float:
        return self._timed("ansible-playbook", "-i", "inventory.json", "playbook.yml")

    def raw(self) -> float:
        return self._timed("ansible-playbook", "-i", "inventory.json", "raw.yml")

    def pyinfra(self) -> float:
        return self._timed("pyinfra", "-y", "inventory.py", "deploy.py")

    def _timed(self, program: str, *words: str) -> float:
        env = os.environ | {"ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"), "LC_ALL": "C.UTF-8"}
        began = time.perf_counter()
        done = subprocess.run(
            [VENV.resolve() / "bin" / program, *words], cwd=self.folder, env=env, capture_output=True, check=False
        )
        took = time.perf_counter() - began
        if done.returncode:
            raise RuntimeError(f"{program} failed: {(done.stdout + done.stderr).decode()[-2000:]}")
        return took

    def _values(self, host: Host, text: str) -> dict[str, str]:
        live = f"{host.conf_dir}/{file_name(self.service)}"
        text_file = self.folder / f"{host.name}.conf"
        text_file.write_text(text)
        encoded = base64.b64encode(text.encode()).decode()
        command = (
            f"echo {encoded} | base64 -d >{live}.new && mv {live}.new {live} && nginx -t -q -c {host.nginx_conf} "
            f"&& nginx -s reload -c {host.nginx_conf}"
        )
        return {
            "text_file": str(text_file),
            "live_file": live,
            "nginx_conf": host.nginx_conf,
            "command": command,
        }

    def _for_pyinfra(self, host: Host, command: str) -> dict[str, object]:
        return {
            "ssh_hostname": host.address,
            "ssh_port": host.port,
            "ssh_key": str(self.key_file),
            "ssh_known_hosts_file": str(self.known_hosts),
            "command": command,
        }


def install() -> None:
    """ansible-core and pyinfra into build/bench-venv, once."""
    if not (VENV / "bin" / "pyinfra").exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin" / "pip", "install", "-q", "ansible-core", "pyinfra"], check=True)
