"""What surrounds the traffic in the plays: no step is safe, and each leaves a line where it ran."""

from __future__ import annotations

import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

ITEM, FAILS = "tried", "ready"
TURNS = ("before_start", "before_stage", "during_stage", "after_stage", "on_promote", "after_completion")
BACK = ("on_rollback", "after_rollback")


def way_back(root: Path) -> dict[str, Any]:
    return {"steps": _steps(root, BACK)}


def whole(root: Path) -> dict[str, Any]:
    """Makes the database that is backed up."""
    database = root / "app.db"
    with closing(sqlite3.connect(database)) as db:
        db.execute("create table if not exists reports (id integer primary key)")
        db.commit()
    return {
        "checks": [{"name": FAILS, "command": "echo not ready; exit 1"}, {"name": "there", "command": "echo here"}],
        "checklist": [{"name": ITEM, "title": "rollback tried", "owner": "testers"}],
        "backups": [{"name": "app", "sqlite": str(database), "folder": str(root / "backups")}],
        "steps": _steps(root, TURNS),
        "override": {"from": ["release-managers"]},
        "report": {"sign_off": [{"title": "项目负责人", "title_en": "Project lead", "from": ["project-leads"]}]},
    }


def ran(root: Path) -> dict[str, list[str]]:
    """What every step left, by its phase: a line for each time that it ran, saying for which stage."""
    return {file.stem: file.read_text().splitlines() for file in sorted(root.glob("*.ran"))}


def _steps(root: Path, phases: tuple[str, ...]) -> dict[str, Any]:
    """Not at once: a machine that is asked again must find it under way as well as over."""
    return {
        phase: [
            {
                "name": phase.replace("_", "-"),
                "command": f'sleep 0.3; echo "$ROLLOUT_STAGE" >> {shlex.quote(str(root / phase))}.ran',
            }
        ]
        for phase in phases
    }
