"""The document of channels.yaml -> `Channels`, with every fault at its line."""

from __future__ import annotations

import re
from email.utils import parseaddr
from types import MappingProxyType
from typing import Final

from config.bot_file import is_http_url
from config.channels import (
    APPRISE_TIMEOUT,
    BEAT,
    BEAT_TIMEOUT,
    MAIL_TIMEOUT,
    WEBHOOK_TIMEOUT,
    AppriseSettings,
    Channels,
    ChannelSettings,
    HeartbeatSettings,
    LimitSettings,
    MailSettings,
    Segments,
    SlackChannelSettings,
    WebhookSettings,
)
from config.channels_schema import KEYS, ChannelModel, ChannelsModel, HeartbeatModel, LimitModel, SegmentsModel
from config.environment import Reader
from config.gateway_build import build_gateway
from config.people import EMAIL
from config.problems import show
from config.report import Report
from config.secret import Secret
from config.smtp_url import SmtpServer, SmtpUrlError, parse_smtp_url
from config.structure import validate
from config.variables import environment_url, from_environment, seconds
from config.yaml_source import Path_

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_LIST_ID: Final = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
MOST_AT_ONCE: Final = 1000  # notifications in one request
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def build_channels(report: Report, reader: Reader) -> Channels:
    """With gaps where there are problems. What the environment lacks is a warning, what it has wrong a problem."""
    model = validate(ChannelsModel, report)
    found: dict[str, ChannelSettings] = {}
    for name, given in (model.channels or {}).items():
        at: Path_ = ("channels", name)
        if not _NAME.fullmatch(name):
            report.problem(at, f"{show(name)} is not a channel's name", "use small letters, digits and -")
        if built := _Builder(name, given, report, reader).build():
            found[name] = built
    limit = _limit(model.limit or LimitModel(), report)
    return Channels(MappingProxyType(found), limit, _heartbeat(model.heartbeat, report, reader))


class _Builder:
    """One channel."""

    def __init__(self, name: str, given: ChannelModel, report: Report, reader: Reader) -> None:
        self.name, self.given, self.report, self.reader = name, given, report, reader
        self.at: Path_ = ("channels", name)

    def build(self) -> ChannelSettings | None:
        """None where the rest would only be guessed."""
        given, report = self.given, self.report
        report.need(self.at, {"kind": given.kind}, {"kind": f"add kind: one of {', '.join(KEYS)}"})
        if given.kind is None or not self._keys_fit(given.kind):
            return None
        seconds(report, (*self.at, "timeout"), given.timeout, 1, 120)
        match given.kind:
            case "mail":
                return self._mail()
            case "gateway":
                return build_gateway(self.name, given, self._segments(), report, self.reader)
            case "apprise":
                return self._apprise()
            case "slack":
                return SlackChannelSettings(self.name)
            case "webhook":
                return self._webhook()

    def _keys_fit(self, kind: str) -> bool:
        required, allowed = KEYS[kind]
        written = {field.alias or name for name, field in ChannelModel.model_fields.items()}
        present = {key for key in written if getattr(self.given, "sender" if key == "from" else key) is not None}
        present |= {key for key in written if self.report.damaged((*self.at, key))}
        known = {"kind", *allowed, *(key for keys in required for key in keys.split("|"))}
        for key in sorted(present - known):
            mend = f"a channel of kind {kind} has {', '.join(sorted(known))}"
            self.report.problem((*self.at, key), f"{show(key)} means nothing to kind {kind}", mend)
        fits = not any(self.report.damaged((*self.at, key)) for key in known)
        for keys in required:
            choice = keys.split("|")
            count = len(present & set(choice))
            if count == 0:
                mend = f"add {' or '.join(choice)}; docs/channels.md has an example"
                self.report.problem(self.at, f"{show(choice[0])} is missing in {'.'.join(map(str, self.at))}", mend)
            elif count > 1:
                self.report.problem((*self.at, choice[0]), f"{' and '.join(choice)} are both there", "keep one of them")
            fits = fits and count == 1
        return fits

    def _mail(self) -> MailSettings:
        given, report = self.given, self.report
        assert given.url_env is not None and given.sender is not None
        address = parseaddr(given.sender)[1]
        if not EMAIL.fullmatch(address) or not given.sender.isprintable():
            mend = "write it as rollout-bot@example.com or Rollout bot <rollout-bot@example.com>"
            report.problem((*self.at, "from"), f"{show(given.sender)} is not a sender", mend)
        domain = address.rpartition("@")[2]
        if given.list_id is not None and not _LIST_ID.fullmatch(given.list_id):
            mend = "write it like a host name: alerts.example.com"
            report.problem((*self.at, "list_id"), f"{show(given.list_id)} is not a list id", mend)
        count = 4 if given.connections is None else given.connections
        if not 1 <= count <= 50:
            report.problem((*self.at, "connections"), f"connections {count} is out of range", "write 1 to 50")
        text, missing = from_environment(report, self.reader, (*self.at, "url_env"), given.url_env)
        return MailSettings(
            self.name, self._server(given.url_env, text), given.sender, given.list_id or f"alerts.{domain}",
            given.timeout or MAIL_TIMEOUT, count, missing,
        )  # fmt: skip

    def _server(self, variable: str, text: Secret | None) -> SmtpServer | None:
        try:
            return parse_smtp_url(text.reveal()) if text else None
        except SmtpUrlError as error:
            self.reader.problem(f"{variable}: {error.what}", error.mend)
            return None

    def _apprise(self) -> AppriseSettings:
        given = self.given
        assert given.url_env is not None
        url, missing = from_environment(self.report, self.reader, (*self.at, "url_env"), given.url_env)
        if url and not _SCHEME.match(url.reveal()):
            mend = "write it as its page in Apprise's documentation says: dingtalk://TOKEN or twilio://SID:TOKEN@FROM"
            self.reader.problem(f"{given.url_env} is not an Apprise URL", mend)
        return AppriseSettings(
            self.name, url, given.style or "full", self._segments(), given.timeout or APPRISE_TIMEOUT, missing
        )

    def _webhook(self) -> WebhookSettings:
        given = self.given
        assert given.signing_key_env is not None
        url: Secret | None
        if given.url_env:
            url, missing = environment_url(self.report, self.reader, (*self.at, "url_env"), given.url_env)
        else:
            url, missing = Secret(given.url or ""), ()
            if not is_http_url(url.reveal()):
                mend = "write it as https://hooks.example.com/rollouts"
                self.report.problem((*self.at, "url"), f"{show(given.url)} is not a URL", mend)
        path = (*self.at, "signing_key_env")
        key, lacking = from_environment(self.report, self.reader, path, given.signing_key_env)
        if key and len(key.reveal()) < 16:
            mend = "write at least 16 characters: openssl rand -hex 32 makes them"
            self.reader.problem(f"{given.signing_key_env} is too short to sign with", mend)
        batch = 1 if given.batch is None else given.batch
        if not 1 <= batch <= MOST_AT_ONCE:
            self.report.problem((*self.at, "batch"), f"batch {batch} is out of range", f"write 1 to {MOST_AT_ONCE}")
        return WebhookSettings(self.name, url, key, given.timeout or WEBHOOK_TIMEOUT, batch, (*missing, *lacking))

    def _segments(self) -> Segments:
        given = self.given.segments or SegmentsModel()
        found = []
        for alphabet in ("gsm7", "ucs2"):
            count = getattr(given, alphabet)
            if count is not None and not 1 <= count <= 10:
                path = (*self.at, "segments", alphabet)
                self.report.problem(path, f"{alphabet} {count} is out of range", "write 1 to 10 segments")
            found.append(getattr(Segments(), alphabet) if count is None else count)
        return Segments(*found)


def _limit(given: LimitModel, report: Report) -> LimitSettings:
    default = LimitSettings()
    burst = default.burst if given.burst is None else given.burst
    reserved = min(default.reserved, burst - 1) if given.reserved is None else given.reserved
    if not 1 <= burst <= 10_000:
        report.problem(("limit", "burst"), f"burst {burst} is out of range", "write 1 to 10000")
    elif not 0 <= reserved < burst:
        mend = f"write 0 to {burst - 1}, less than burst"
        report.problem(("limit", "reserved"), f"reserved {reserved} leaves nothing for the others", mend)
    seconds(report, ("limit", "every"), given.every, 1, 86400)
    return LimitSettings(burst, given.every or default.every, reserved)


def _heartbeat(given: HeartbeatModel | None, report: Report, reader: Reader) -> HeartbeatSettings | None:
    if given is None:
        return None
    report.need(("heartbeat",), {"url_env": given.url_env}, {"url_env": "add url_env: HEARTBEAT_URL"})
    interval = BEAT if given.interval is None else given.interval
    timeout = BEAT_TIMEOUT if given.timeout is None else given.timeout
    seconds(report, ("heartbeat", "interval"), interval, 5, 86400)
    seconds(report, ("heartbeat", "timeout"), timeout, 1, 60)
    if given.url_env is None:
        return None
    url, _ = environment_url(report, reader, ("heartbeat", "url_env"), given.url_env)
    return HeartbeatSettings(url, interval, timeout) if url else None
