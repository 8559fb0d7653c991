"""A channel of kind `gateway`: an SMS provider's HTTP interface, described by templates."""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import Any, Final

from config.bot_file import is_http_url
from config.channels import GATEWAY_TIMEOUT, HOLES, Content, GatewaySettings, Segments, Success
from config.channels_schema import ChannelModel, SuccessModel
from config.environment import Reader
from config.problems import show
from config.report import Report
from config.secret import Secret, secret_key
from config.template import Template, TemplateError, parse_template
from config.variables import from_environment
from config.yaml_source import Path_

_HEADER: Final = re.compile(r"(?P<name>[A-Za-z0-9-]+): *(?P<value>\S.*)")
_PATH: Final = re.compile(r"[^.\s]+(\.[^.\s]+)*")
_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-auth", "x-api-key"})


_BODY: Final = """add body: '{"to": "${to}", "text": "${short}"}'"""


class _Parts:
    """Templates of one gateway, and the environment variables they need."""

    def __init__(self, at: Path_, report: Report) -> None:
        self.at, self.report = at, report
        self.variables: set[str] = set()

    def template(self, key: str, text: str, path: Path_ | None = None) -> Template:
        try:
            found = parse_template(text, HOLES)
        except TemplateError as error:
            self.report.problem(path or (*self.at, key), f"{key}: {error.what}", error.mend)
            return Template(("",))
        self.variables |= found.variables
        return found

    def headers(self, texts: list[str]) -> tuple[tuple[str, Template], ...]:
        found = []
        for index, text in enumerate(texts):
            path = (*self.at, "headers", index)
            match = _HEADER.fullmatch(text)
            if not match:
                self.report.problem(path, "this is not a header", 'write "Name: value", in quotes')
                continue
            name, value = match["name"], self.template("headers", match["value"], path)
            if (name.lower() in _SECRET_HEADERS or secret_key(name)) and not value.variables:
                mend = f'write "{name}: ${{env:SMS_KEY}}" and set SMS_KEY in the environment (renew the secret)'
                self.report.problem(path, f"the header {name} has its secret written out", mend)
            found.append((name, value))
        return tuple(found)

    def says_what_to_whom(self, given: ChannelModel) -> None:
        """Text that goes to nobody, or nothing that goes to somebody, would look like success."""
        written = " ".join([given.url or "", given.body or "", *(given.headers or [])])
        if self.report.damaged((*self.at, "body")) or self.report.damaged((*self.at, "url")):
            return
        if "${to}" not in written:
            self.report.problem(self.at, "neither url nor body says to whom", "write ${to} where the number belongs")
        if not re.search(r"\$\{(short|text|html|subject)\}", written):
            mend = "write ${short} where the text belongs (or ${text}, ${subject})"
            self.report.problem(self.at, "neither url nor body says what", mend)

    def body(self, text: str, content: Content) -> None:
        """Only looked at here: the channel takes it apart in the same way when it is built."""
        self.template("body", text)
        if content != "json":
            return
        try:
            json.loads(text, parse_constant=_no_constant)
        except ValueError as error:
            bare = re.search(r"[:\[,]\s*\$\{", text)
            mend = 'put the hole in quotes: "text": "${short}"' if bare else "write JSON, or content: form or xml"
            self.report.problem((*self.at, "body"), f"body is not JSON: {show(error)}", mend)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def build_gateway(
    name: str, given: ChannelModel, segments: Segments, report: Report, reader: Reader
) -> GatewaySettings:
    at: Path_ = ("channels", name)
    parts = _Parts(at, report)
    url = parts.template("url", given.url or "")
    if not is_http_url("".join(url.parts[::2])) and any(url.parts):
        mend = "write it as https://sms.example.com/v1/messages"
        report.problem((*at, "url"), f"{show(given.url)} is not a URL", mend)
    method = given.method or "POST"
    content: Content = given.content or ("none" if method == "GET" else "json")
    _body_belongs(given, method, content, report, at)
    if given.body is not None:
        parts.body(given.body, content)
    headers = parts.headers(given.headers or [])
    parts.says_what_to_whom(given)
    secrets, missing = _secrets(parts.variables, at, report, reader)
    return GatewaySettings(
        name, url, method, headers, content, given.body or "", _success(given.success or SuccessModel(), at, report),
        segments, given.timeout or GATEWAY_TIMEOUT, MappingProxyType(secrets), missing,
    )  # fmt: skip


def _body_belongs(given: ChannelModel, method: str, content: Content, report: Report, at: Path_) -> None:
    if given.body is not None and (content == "none" or method == "GET"):
        what = "there is a body, and GET has none" if method == "GET" else "there is a body, and content is none"
        report.problem((*at, "body"), what, "remove the body, or write method: POST and what content it is")
    elif given.body is None and content != "none":
        report.problem(at, f"{show('body')} is missing in {'.'.join(map(str, at))}", _BODY)


def _secrets(
    variables: set[str], at: Path_, report: Report, reader: Reader
) -> tuple[dict[str, Secret], tuple[str, ...]]:
    found: dict[str, Secret] = {}
    missing: list[str] = []
    for variable in sorted(variables):
        secret, lacking = from_environment(report, reader, at, variable)
        missing.extend(lacking)
        if secret:
            found[variable] = secret
    return found, tuple(missing)


def _success(given: SuccessModel, at: Path_, report: Report) -> Success:
    at = (*at, "success")
    for index, status in enumerate(given.status or []):
        if not 200 <= status <= 599:
            report.problem((*at, "status", index), f"{status} is no HTTP status", "write 200, 201 or 202")
    for key, path in (("path", given.path), ("id", given.id)):
        if path is not None and not _PATH.fullmatch(path):
            mend = "write keys and positions with dots between: messages.0.status"
            report.problem((*at, key), f"{show(path)} is not a path into JSON", mend)
    for key, values in (("equals", given.equals), ("retry", given.retry)):
        if values and given.path is None and not report.damaged((*at, "path")):
            report.problem((*at, key), f"{key} has nothing to compare with", "add path: where the value stands")
    for index, value in enumerate(given.retry or []):
        if value in (given.equals or []):
            what = f"{show(value)} is in equals and in retry"
            report.problem((*at, "retry", index), what, "keep it in one of the two")
    return Success(
        tuple(given.status or ()), given.path or "", tuple(given.equals or ()), tuple(given.retry or ()), given.id or ""
    )
