"""Where the checks of one file put what they find."""

from __future__ import annotations

from collections.abc import Mapping

from config.problems import Problem, show
from config.yaml_source import Document, Path_


class Report:
    """Problems and warnings of one document, by path. `problems` includes those of its syntax."""

    def __init__(self, document: Document) -> None:
        self.doc = document
        self.warnings: list[Problem] = []

    @property
    def problems(self) -> list[Problem]:
        return self.doc.problems

    def problem(self, path: Path_, what: str, mend: str) -> None:
        self.doc.report(self.doc.line(path), what, mend)

    def warn(self, path: Path_, what: str, mend: str) -> None:
        self.warnings.append(Problem(self.doc.file, self.doc.line(path), what, mend))

    def need(self, parent: Path_, values: Mapping[str, object], mends: Mapping[str, str]) -> None:
        """Report each key of `mends` whose value is None, unless it was there and has been reported already."""
        if self.doc.data is None:
            return  # the file itself is missing or broken, which says it all
        for key, mend in mends.items():
            if values.get(key) is None and not self.damaged((*parent, key)):
                self.problem(parent, f"{show(key)} is missing{_inside(parent)}", mend)

    def damaged(self, path: Path_) -> bool:
        """Whether something at this path was refused before, so that what is not there proves nothing."""
        return path in self.doc.removed


def _inside(parent: Path_) -> str:
    return f" in {'.'.join(str(part) for part in parent)}" if parent else ""
