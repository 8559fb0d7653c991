"""The bot's own sentences, collected from the sources that write them, with sample values in their holes."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOST = ROOT / "bot/fleet/host"
SAMPLE = "x7y"
MOST = 12  # variants of one sentence


@dataclass(frozen=True)
class Spoken:
    """values: the samples in it, which have to be carried over. whole: it stands by itself, not only within another."""

    where: str
    text: str
    values: frozenset[str] = frozenset()
    whole: bool = True


Variant = tuple[str, frozenset[str]]

# Shell variables, and expressions of Python, of which the plain sample would be no value they can have.
SHELL: Mapping[str, str] = {
    "generation": "41", "seen": "42", "of": "43", "of_pending": "44", "epoch": "5", "seen_epoch": "6", "speaks": "1",
    "meant": "2", "master": "4711", "taken": "1", "verb": "stage", "conf_dir": "/etc/nginx/conf.d", "1": "/etc/nginx",
    "nginx_conf": "/etc/nginx/nginx.conf", "live": "/etc/nginx/conf.d/rollout-a.conf", "pid_file": "/run/nginx.pid",
    "nginx": "/usr/sbin/nginx",
}  # fmt: skip
PYTHON: Mapping[str, tuple[str, ...]] = {
    "host.name": ("lb-1",),
    "host.address or host.name": ("10.0.0.1",),
    "host.port": ("22",),
    "http.py:self.who": ("the gateway sms-1", "the webhook hook-1", "the heartbeat's address"),
    "gateway.py:self._http.who": ("the gateway sms-1",),
    "apprise.py:self._who": ("channel sms-1 (twilio)",),
    "apprise.py:said": ("Apprise does not understand the URL: write it as its page in Apprise's documentation says",),
    "apprise.py:_HOLE": ("{to}",),
    "unset.py:' and '.join(missing)": ("TOKEN_1", "TOKEN_1 and TOKEN_2"),
    "mail.py:where": ("the mail server mx-1:25",),
    "mail.py:_mend(error.message)": ("correct the address",),
    "heartbeat.py:'; '.join((f'{name}: {what}' for name, what in sorted(ill.items())))": (
        "worker: not running; slack: Socket Mode is not connected",
    ),
    "verbs.py:line.get('error')": ("the program on this host speaks 1, the bot 2; install the bot's own",),
    "verbs.py:words[0]": ("stage",),
    "apart.py:what": ("the chart", "the PDF"),
    "valid.py:what": ("host lb-1: pid_file",),
    "labels.py:what": ("`x` is not a matcher",),
    "labels.py:mend": ("mend it, or compare with =",),
    "scopes.py:MEND": (),
    "answer.status": ("500",),
    "status": ("502",),
    "error.code": ("550",),
    "result.exit_status": ("127",),
    "len(found)": ("12",),
    "MOST": ("10000",),
    "ALERTS_LIMIT // LIMIT": ("8",),
    "_LONGEST": ("200",),
    "SERVICE_MAX": ("32",),
    "GENERATION_MAX - 1": ("999",),
    "claimed.attempts + 1": ("21",),
    "deadline": ("60",),
    "DEADLINE": ("60",),
    "timeout": ("20",),
    "self._timeout": ("10",),
    "percent": ("12.5",),
    "weight": ("12.5",),
    "text!r": (repr("x 7y"),),
}


# Shell


def shell() -> Iterator[Spoken]:
    """Every `fail CODE "text"` and `usage "text"` of the host program, with all that `$why` and `$reason` may be."""
    texts = {path.name: path.read_text() for path in sorted(HOST.glob("*.sh"))}
    named: dict[str, list[str]] = {"why": [], "reason": []}
    for text in texts.values():
        for name, value in re.findall(r'\b(why|reason)="([^"]+)"', text):
            named[name].append(value)
    for file, text in texts.items():
        for said in re.findall(r'\b(?:fail [$\w]+|usage) "([^"]+)"', text):
            if said != "$1":
                for value, kept in _expanded(said, named):
                    yield Spoken(file, value, kept)


_EXPANSION = re.compile(r"\$\{(\w+):-([^}]*)\}|\$\{(\w+)[^}]*\}|\$(\w+)|\$\([^)]*\)")


def _expanded(text: str, named: Mapping[str, list[str]]) -> list[Variant]:
    found = _EXPANSION.search(text)
    if found is None:
        return [(text, frozenset())]
    otherwise, name = found[2], found[1] or found[3] or found[4] or ""
    variants: list[Variant] = [v for value in named.get(name, ()) for v in _expanded(value, {})]
    if otherwise is not None:
        variants += _expanded(otherwise, {})
    if name != "why":
        value = SHELL.get(name, SAMPLE)
        variants.append((value, frozenset({value})))
    rest = _expanded(text[found.end() :], named)
    return [(text[: found.start()] + a + b, x | y) for (a, x), (b, y) in itertools.product(variants, rest)]


# Python


def python(path: Path, raised: bool) -> Iterator[Spoken]:
    """Every text of a module that reads like a sentence; raised: only what it raises."""
    tree = ast.parse(path.read_text())
    where = str(path.relative_to(ROOT))
    for scope, node in _texts(tree):
        whole = id(node) in scope.errors
        if whole or not raised:
            for text, values in _variants(node, scope.known, path.name):
                if _reads_like_a_sentence(text):
                    yield Spoken(where, text, values, whole)


@dataclass
class Scope:
    """known: what each name may be within a function. errors: the nodes that are given to an error or to its like."""

    known: dict[str, list[ast.expr]]
    errors: set[int]


# Calls whose texts nobody is shown: patterns, what is logged once, what makes the engine decide again.
PASSED_OVER = ("re.compile", "re.search", "once", "self._once", "Conflict", "Fenced")
_ERRORS = re.compile(
    r"Retryable|Final|Gone|Refused|Unreachable|HostKeyRejected|AuthFailed|Outdated|ValueError|BadPayload|Store\w+"
)
_CARRIERS = ("Answer", "HostReading", "HostResult", "Value")


def _texts(tree: ast.Module) -> Iterator[tuple[Scope, ast.expr]]:
    """The outermost strings that are not documentation, a log line, a pattern or the name of a task."""
    module = _assigned(tree.body)
    passed = {id(node) for node in _passed_over(tree)}
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    owner: dict[int, ast.AST] = {}
    for function in functions:  # the innermost comes last
        owner |= {id(node): function for node in ast.walk(function)}
    errors = {id(argument) for node in ast.walk(tree) if isinstance(node, ast.Call) for argument in _given(node)}
    scopes = {id(f): Scope({**module, **_assigned(ast.walk(f))}, errors) for f in functions}
    outer = Scope(module, errors)

    def visit(node: ast.AST) -> Iterator[tuple[Scope, ast.expr]]:
        if id(node) in passed:
            return
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            function = owner.get(id(node))
            yield (scopes[id(function)] if function else outer), node
            return
        for child in ast.iter_child_nodes(node):
            yield from visit(child)

    yield from visit(tree)


def _given(call: ast.Call) -> Iterator[ast.expr]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if _ERRORS.fullmatch(name) or name in _CARRIERS:
        yield from call.args
        yield from (k.value for k in call.keywords)


def _assigned(nodes: Iterable[ast.AST]) -> dict[str, list[ast.expr]]:
    """By name what it is given: texts, and tables of texts."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant | ast.JoinedStr | ast.Dict | ast.IfExp):
                found.setdefault(target.id, []).append(value)
    return found


def _passed_over(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and body:
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.startswith("log.") or called in PASSED_OVER:
                yield from (*node.args, *node.keywords)
            yield from (k for k in node.keywords if k.arg in ("name", "thread_name_prefix"))
        if isinstance(node, ast.Assert) and node.msg:
            yield node.msg


def _variants(node: ast.expr, known: Mapping[str, list[ast.expr]], file: str, depth: int = 0) -> list[Variant]:
    """What a text may come to: each of the texts that its names may be, and a sample for everything else."""
    if isinstance(node, ast.Constant):
        return [_with_holes(str(node.value))]
    if not isinstance(node, ast.JoinedStr) or depth > 3:
        return []
    parts = [
        [(str(part.value), frozenset[str]())] if isinstance(part, ast.Constant) else _held(part, known, file, depth)
        for part in node.values
    ]
    made = (tuple(zip(*one, strict=True)) for one in itertools.islice(itertools.product(*parts), MOST))
    return [("".join(texts), frozenset().union(*values)) for texts, values in made]


def _with_holes(text: str) -> Variant:
    """A text that is filled in by `format` later."""
    filled = re.sub(r"\{[0-9]?(:g)?\}", lambda hole: "12.5" if hole[1] else SAMPLE, text)
    return filled, frozenset({SAMPLE} if SAMPLE in filled and SAMPLE not in text else ())


def _held(part: ast.expr, known: Mapping[str, list[ast.expr]], file: str, depth: int = 0) -> list[Variant]:
    assert isinstance(part, ast.FormattedValue)
    expr, quoted = ast.unparse(part.value), part.conversion == ord("r")
    texts = [v for node in _could_be(part.value, known) for v in _variants(node, known, file, depth + 1) if v[0]]
    if texts and isinstance(part.value, ast.Name):
        return texts
    key = f"{expr}!r" if quoted else expr
    samples = PYTHON.get(f"{file}:{expr}", PYTHON.get(key, (repr(SAMPLE) if quoted else SAMPLE,)))
    return [*texts, *((s, frozenset((s,) if " " not in s or quoted else ())) for s in samples)]


def _could_be(expr: ast.expr, known: Mapping[str, list[ast.expr]]) -> list[ast.expr]:
    """The texts an expression may have: of a name, of a table, of `a or "b"`."""
    match expr:
        case ast.Name(id=name):
            return [n for n in known.get(name, ()) if not isinstance(n, ast.Dict)]
        case ast.Subscript(value=ast.Name(id=name)) | ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="get")):
            tables = [n for n in known.get(name, ()) if isinstance(n, ast.Dict)]
            others = expr.args[1:] if isinstance(expr, ast.Call) else []
            return [*(v for table in tables for v in table.values), *others]
        case ast.BoolOp(values=values):
            return [v for v in values if isinstance(v, ast.Constant | ast.JoinedStr)]
        case ast.IfExp(body=a, orelse=b):
            return [v for v in (a, b) if isinstance(v, ast.Constant | ast.JoinedStr)]
    return []


def _reads_like_a_sentence(text: str) -> bool:
    return len(re.findall(r"[A-Za-z']{2,}", text.replace(SAMPLE, ""))) > 1 and " " in text
