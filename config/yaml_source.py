"""YAML read so that every value knows its line and nothing is guessed.

Built on ruamel's events and not on its constructors, because they decide too early what `no`, `010` and `1.10` are
and stop at the first duplicate key. Numbers are `int` and `Decimal`; quoted text is `Quoted`; the rest is `str`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from config.problems import Problem, show
from config.secret import secret_key, secret_value

Path_ = tuple[str | int, ...]

_INT: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
_UNSURE_NUMBER: Final = re.compile(
    r"[-+]?(0[0-9_]+|0[xob][0-9a-f_]+|[0-9]+_[0-9_]+|[0-9.]+e[-+]?[0-9]+|\.[0-9]+|[0-9]+\.|\.inf|\.nan|[0-9]{19,})",
    re.I,
)
_UNSURE_BOOL: Final = frozenset({"yes", "no", "on", "off", "y", "n"})
_MAX_DEPTH: Final = 20
_OPENING: Final = ("MappingStartEvent", "SequenceStartEvent")
_CLOSING: Final = ("MappingEndEvent", "SequenceEndEvent")


class Quoted(str):
    """Text that stood in quotes (or in a block): surely meant as text."""

    __slots__ = ()


class _Dropped:
    """Stands for a value already reported, so that it is not reported a second time as missing."""


_DROPPED: Final = _Dropped()


@dataclass(slots=True)
class Document:
    """One parsed file.

    data: the mapping at its root, or None when there is none. lines: path -> line, from 1. problems: of the syntax.
    removed: paths (of list items: the list's path) whose value was refused; what is absent there is not missing.
    """

    file: str
    data: dict[str, Any] | None = None
    lines: dict[Path_, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    removed: set[Path_] = field(default_factory=set)

    def line(self, path: Path_) -> int:
        """The line of a path, or of the nearest parent that has one."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1

    def report(self, line: int, what: str, mend: str) -> None:
        self.problems.append(Problem(self.file, line, what, mend))

    def remove(self, path: Path_) -> None:
        """Take a refused value out, so that the rest can still be judged. Later items move up, with their lines."""
        parent: Any = self.data
        for part in path[:-1]:
            try:
                parent = parent[part]
            except (KeyError, IndexError, TypeError):
                return
        last = path[-1]
        if isinstance(parent, list) and isinstance(last, int) and last < len(parent):
            del parent[last]
            self.removed.add(path[:-1])
            self._move_up(path[:-1], last)
        elif isinstance(parent, dict) and last in parent:
            del parent[last]
            self.removed.add(path)

    def _move_up(self, parent: Path_, gone: int) -> None:
        at, moved = len(parent), {}
        for path, line in self.lines.items():
            index = path[at] if path[:at] == parent and len(path) > at else None
            if isinstance(index, int) and index >= gone:
                if index > gone:
                    moved[(*parent, index - 1, *path[at + 1 :])] = line
            else:
                moved[path] = line
        self.lines = moved


def read_document(path: Path) -> Document:
    """Read and parse a file. Never raises for what is in it or for its absence: see `problems` of the result."""
    document = Document(str(path))
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        document.report(1, "the file does not exist", "create it; the shipped config/ has an example")
    except OSError as error:
        document.report(1, f"the file cannot be read: {error.strerror}", "give the bot's user the right to read it")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        document.report(line, "the text is not UTF-8", "save the file as UTF-8")
    else:
        _parse(document, text)
    return document


def parse_document(file: str, text: str) -> Document:
    """As `read_document`, from text; `file` is used in messages."""
    document = Document(file)
    _parse(document, text)
    return document


def _parse(document: Document, text: str) -> None:
    for number, row in enumerate(text.split("\n"), 1):
        if "\t" in row[: len(row) - len(row.lstrip())]:
            document.report(number, "a tab in the indentation", "indent with spaces only; YAML does not allow tabs")
    if document.problems:
        return
    try:
        events = iter(list(YAML(typ="safe", pure=True).parse(text)))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(part) for part in (error.context, error.problem) if part)
        document.report(mark.line + 1 if mark else 1, f"not valid YAML: {what}", _syntax_mend(what))
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1 if isinstance(error.position, int) else 1
        document.report(line, f"not valid YAML: {error.reason}", "remove the invisible character")
    except YAMLError as error:
        document.report(1, f"not valid YAML: {show(error)}", "mend the syntax")
    else:
        _Builder(document, events, text.split("\n")).build()


def _syntax_mend(what: str) -> str:
    if "mapping values" in what or "got ':'" in what:
        return 'put text that contains ": " in quotes, or close the bracket opened before, or mend the indentation'
    if "cannot start any token" in what:
        return "put text that begins with %, @, ` or a tab in quotes"
    if "flow" in what or "expected ','" in what:
        return "close the bracket, or put a comma between the items"
    if "block scalar" in what:
        return "put text that begins with > or | in quotes"
    if "quoted scalar" in what:
        return "close the quote"
    return "mend the indentation of this line or the one before, or close a quote or bracket opened earlier"


class _Builder:
    """Events -> a tree, with the line of every key and item."""

    def __init__(self, document: Document, events: Iterator[Any], source: list[str]) -> None:
        self.doc, self.events, self.source = document, events, source

    def build(self) -> None:
        kinds = ("StreamStartEvent", "DocumentStartEvent", "DocumentEndEvent")
        roots = 0
        for event in self.events:
            kind = type(event).__name__
            if kind in kinds or kind == "StreamEndEvent":
                continue
            roots += 1
            line = event.start_mark.line + 1
            if roots > 1:
                self.doc.report(line, "a second document in one file", "one file, one document: remove the `---`")
                return
            data = self.value(event, ())
            if isinstance(data, dict):
                self.doc.data = data
            elif data is not _DROPPED:
                self.doc.report(line, "the file is not a mapping", "begin with `key: value` lines")
        if not roots:
            self.doc.report(1, "the file is empty", "fill it; the shipped config/ has an example")

    def value(self, event: Any, path: Path_) -> Any:
        line = event.start_mark.line + 1
        kind = type(event).__name__
        if len(path) > _MAX_DEPTH:
            self.doc.report(line, f"nested deeper than {_MAX_DEPTH} levels", "flatten it")
            return self._skip(event, kind)
        if kind == "AliasEvent" or event.anchor:
            self.doc.report(line, "an anchor (&) or alias (*)", "write the value out: a plan is read under pressure")
            return self._skip(event, kind)
        if event.tag is not None:
            self.doc.report(line, f"the tag {show(event.tag)}", "remove the tag; quote text that begins with !")
            return self._skip(event, kind)
        if kind == "MappingStartEvent":
            return self.mapping(path)
        if kind == "SequenceStartEvent":
            return self.sequence(path)
        return self.scalar(event, path, line)

    def _skip(self, event: Any, kind: str) -> Any:
        depth = int(kind in _OPENING)
        while depth:
            name = type(next(self.events)).__name__
            depth += (name in _OPENING) - (name in _CLOSING)
        return _DROPPED

    def mapping(self, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        seen: dict[str, int] = {}
        while type(event := next(self.events)).__name__ != "MappingEndEvent":
            line = event.start_mark.line + 1
            if type(event).__name__ != "ScalarEvent":
                self.doc.report(line, "a key that is not plain text", "write `key: value`")
                self._skip(event, type(event).__name__)
                self._skip(value := next(self.events), type(value).__name__)
                continue
            key = event.value
            child = (*path, key)
            if key in seen:
                what = f"{show(key)} is written twice (first on line {seen[key]})"
                self.doc.report(line, what, "keep one of the two")
                self._skip(value := next(self.events), type(value).__name__)
                continue
            seen[key] = self.doc.lines[child] = line
            value = self.value(next(self.events), child)
            if value is _DROPPED or self._is_secret(key, value, line):
                self.doc.removed.add(child)
            else:
                result[key] = value
        return result

    def sequence(self, path: Path_) -> list[Any]:
        result: list[Any] = []
        while type(event := next(self.events)).__name__ != "SequenceEndEvent":
            child = (*path, len(result))
            self.doc.lines[child] = event.start_mark.line + 1
            value = self.value(event, child)
            if value is _DROPPED:
                self.doc.removed.add(path)
            else:
                result.append(value)
        return result

    def _is_secret(self, key: str, value: Any, line: int) -> bool:
        if not secret_key(key) or isinstance(value, (dict, list)):
            return False
        self.doc.report(line, f"{show(key)} looks like a secret", _SECRET_MEND)
        return True

    def scalar(self, event: Any, path: Path_, line: int) -> Any:
        text = event.value
        if secret_value(text):
            self.doc.report(line, f"the value of {show(_name(path))} looks like a secret", _SECRET_MEND)
            return _DROPPED
        if event.style is not None:
            return Quoted(text)
        if text in ("", "~") or text.lower() == "null":
            line = self.doc.line(path)  # the mark of an empty value is that of whatever comes next
            source = self.source[line - 1].partition(":")[2].strip()
            mend = f"`#` begins a comment: leave it away or quote {show(source)}" if source.startswith("#") else ""
            self.doc.report(line, f"{show(_name(path))} has no value", mend or "give it a value or remove the line")
            return _DROPPED
        if text in ("true", "false"):
            return text == "true"
        if text.lower() in _UNSURE_BOOL or text.lower() in ("true", "false"):
            what = f"{show(text)} is text to one reader and a yes or no to another"
            self.doc.report(line, what, f'write true or false, or "{text}" in quotes if text is meant')
            return _DROPPED
        if _INT.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return Decimal(text)
        if _UNSURE_NUMBER.fullmatch(text):
            what = f"{show(text)} is a different number to different readers"
            self.doc.report(line, what, f'write it as plain digits, or "{text}" in quotes if text is meant')
            return _DROPPED
        return text


_SECRET_MEND: Final = (
    "remove it here (and renew it, it may be in your history); secrets come from the environment or an X_FILE"
)


def _name(path: Path_) -> str:
    names = [part for part in path if isinstance(part, str)]
    return names[-1] if names else "the file"
