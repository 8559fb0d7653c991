"""SMS by any provider that takes one HTTP request a message; what the request is, the configuration says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from bot.engine.ports.errors import Final, Retryable
from bot.notify.faults import retry_after
from bot.notify.http import Answer, Http
from bot.notify.message import Notification, clean
from bot.notify.sms import fit
from config.channels import HOLES, GatewaySettings
from config.template import Template, parse_template

_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "application/xml; charset=utf-8",
}


class GatewayChannel:
    """clock: Unix seconds, for a Retry-After that is a date."""

    def __init__(self, settings: GatewaySettings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._secrets = {f"env:{name}": secret.reveal() for name, secret in settings.secrets.items()}
        self._http = Http(f"the gateway {settings.name}", settings.timeout, self._secrets.values())
        self._body = _body(settings)

    async def send(self, to: str, notification: Notification) -> str:
        """See Channel. `to` as the provider wants it, +8613800138000; the key goes along as Idempotency-Key."""
        if not to.strip():
            raise Final("no number to send to: give the recipient one")
        settings = self._settings
        values = self._values(to, clean(notification))
        headers = {"Idempotency-Key": _line(notification.key)}
        if settings.content != "none":
            headers["Content-Type"] = _TYPES[settings.content]
        headers |= {name: value.fill(values, _line) for name, value in settings.headers}
        body = self._body(values).encode("utf-8") if settings.content != "none" else None
        answer = await self._http.ask(settings.method, settings.url.fill(values, _in_url), headers, body)
        return self._judged(answer)

    async def check(self) -> str:
        """Only whether it can be reached: a gateway has no common way to be asked without sending."""
        return await self._http.reachable("".join(self._settings.url.parts[::2]))

    async def aclose(self) -> None:
        await self._http.aclose()

    def _values(self, to: str, notification: Notification) -> Mapping[str, str]:
        segments = self._settings.segments
        return self._secrets | {
            "to": to.strip(),
            "text": notification.text,
            "html": notification.html,
            "subject": notification.subject,
            "short": fit(notification.short or notification.subject, segments.gsm7, segments.ucs2),
            "severity": notification.severity,
            "key": notification.key,
            "thread": notification.thread,
        }

    def _judged(self, answer: Answer) -> str:
        """The provider's name for the message. Raises Retryable or Final where it was not taken."""
        success = self._settings.success
        taken = answer.status in success.statuses if success.statuses else 200 <= answer.status < 300
        if not taken:
            raise self._http.refusal(answer, self._clock())
        if not success.path and not success.id:
            return ""
        try:
            tree = json.loads(answer.text)
        except ValueError:
            if not success.path:
                return ""
            said = self._http.hide(answer.text)
            raise Retryable(f"{self._http.who} answered {answer.status} without JSON: {said}") from None
        if success.path:
            self._look_at(_at(tree, success.path), answer)
        return (_at(tree, success.id) or "") if success.id else ""

    def _look_at(self, value: str | None, answer: Answer) -> None:
        success = self._settings.success
        if value in success.equals or (value is not None and not success.equals and value not in success.retry):
            return
        said = f"{self._http.who} answered {success.path} = {value}: {self._http.hide(answer.text)}"
        if value in success.retry:
            raise Retryable(said, retry_after(answer.headers.get("Retry-After"), self._clock()))
        raise Final(f"{said} — correct the recipient, or add the value to equals or retry of the channel")


def _at(tree: Any, path: str) -> str | None:
    """The value at `messages.0.status` as text, as JSON writes it; None where there is none."""
    for part in path.split("."):
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and part.isascii() and part.isdigit():
            tree = tree[int(part)] if int(part) < len(tree) else None
        else:
            return None
    if tree is None or isinstance(tree, (dict, list)):
        return None
    return tree if isinstance(tree, str) else json.dumps(tree)


def _body(settings: GatewaySettings) -> Callable[[Mapping[str, str]], str]:
    """The body as a function of what is filled in, each value escaped for the kind of content."""
    if settings.content == "json":
        tree = _templates(json.loads(settings.body))
        return lambda values: json.dumps(_filled(tree, values))
    template = parse_template(settings.body, HOLES)
    encode = quote_plus if settings.content == "form" else _in_xml
    return lambda values: template.fill(values, encode)


def _templates(tree: Any) -> Any:
    """Holes are looked for in the texts of the JSON, never in the JSON: no value can end the text it stands in."""
    match tree:
        case dict():
            return {parse_template(key, HOLES): _templates(value) for key, value in tree.items()}
        case list():
            return [_templates(value) for value in tree]
        case str():
            return parse_template(tree, HOLES)
    return tree


def _filled(tree: Any, values: Mapping[str, str]) -> Any:
    match tree:
        case dict():
            return {key.fill(values): _filled(value, values) for key, value in tree.items()}
        case list():
            return [_filled(value, values) for value in tree]
        case Template():
            return tree.fill(values)
    return tree


def _line(text: str) -> str:
    return " ".join(text.split())


def _in_url(text: str) -> str:
    return quote(text, safe="")


def _in_xml(text: str) -> str:
    return escape(text, {'"': "&quot;", "'": "&apos;"})
