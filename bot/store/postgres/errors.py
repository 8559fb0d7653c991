"""psycopg's errors, translated once, and what a URL may be called in a message: never with its password."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bot.engine.ports.errors import Conflict
from bot.store.errors import StoreBroken, StoreUnavailable

FORM = (
    "write it as postgresql://user:password@host:5432/database, "
    "and in the password % as %25, / as %2F, @ as %40, # as %23, ? as %3F"
)

# By SQLSTATE, or its class (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_NOW_NOT = {
    "08": "the connection was lost",
    "25006": "the server takes no writes now: it is a standby, or was told to be read-only",
    "25P03": "this process was too slow within a transaction",
    "40": "another transaction was in the way",
    "53100": "the disk is full",
    "53300": "the server has no connection left",
    "53": "the server lacks resources",
    "55P03": "another transaction holds the row",
    "57014": "it took too long",
    "57": "the server is stopping or starting",
    "58": "the server's disk did not read or write",
}
_BROKEN = {
    "23": "a rule of the tables is broken: this is a fault of the bot, or of a hand at the console",
    "28": "the server refuses this user: mend user and password in DATABASE_URL, or the server's pg_hba.conf",
    "3D": "there is no such database: create it, owned by the bot's user",
    "42501": "the bot's user may not do this: make it the owner of the database and of its tables",
    "42P01": "a table is missing: restore the database from a backup",
    "XX": "the database is damaged: stop the bot and restore it from a backup",
}
# A server that refuses a connection gives no SQLSTATE to the driver, only words.
_REFUSED = {
    "authentication failed": _BROKEN["28"],
    "no pg_hba.conf entry": _BROKEN["28"],
    "no password supplied": _BROKEN["28"],
    "permission denied for database": _BROKEN["28"],
    "root certificate file": "the server's certificate cannot be checked: mend sslmode and sslrootcert in DATABASE_URL",
    "certificate verify failed": "the server's certificate is not trusted: mend sslrootcert in DATABASE_URL",
    "invalid connection option": FORM,
    "invalid URI query parameter": FORM,
}


def translate(error: psycopg.Error, where: str) -> Exception:
    """StoreUnavailable, StoreBroken, or Conflict where another row has the key."""
    code = error.sqlstate
    if code == "23505":
        return Conflict(f"{where}: {_first_line(error)}")
    if code is None and isinstance(error, psycopg.OperationalError):
        return _not_connected(error, where)
    for known, kind in ((_NOW_NOT, StoreUnavailable), (_BROKEN, StoreBroken)):
        for prefix in (code or "", (code or "")[:2]):
            if prefix in known:
                return kind(f"{where}: {known[prefix]} ({_first_line(error)})")
    return StoreBroken(f"{where}: PostgreSQL refused ({code}: {_first_line(error)})")


def _not_connected(error: psycopg.OperationalError, where: str) -> Exception:
    words = str(error)
    for sign, mend in _REFUSED.items():
        if sign in words:
            return StoreBroken(f"{where}: {mend} ({_first_line(error)})")
    if ("database" in words or "role" in words) and "does not exist" in words:
        mend = _BROKEN["3D"] if 'database "' in words else _BROKEN["28"]
        return StoreBroken(f"{where}: {mend} ({_first_line(error)})")
    return StoreUnavailable(f"{where}: it cannot be reached ({_first_line(error)})")


def _first_line(error: psycopg.Error) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def place(url: str) -> str:
    """`host:port/database` for messages. Raises StoreBroken for what is no URL of a PostgreSQL."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        parts = None
    # The driver's words quote the URL, and a password with "/" or "@" in it lands among the other parts.
    if parts is None or not url.startswith(("postgresql://", "postgres://")) or not _plausible(parts):
        raise StoreBroken(f"DATABASE_URL is not understood: {FORM}") from None
    host = parts.get("host") or parts.get("hostaddr") or "the local socket"
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"{host}{port}/{parts.get('dbname') or parts.get('user') or ''}"


def _plausible(parts: Mapping[str, object]) -> bool:
    port, names = str(parts.get("port") or ""), f"{parts.get('host', '')}{parts.get('dbname', '')}"
    return port.replace(",", "").isdigit() != (port == "") and "@" not in names
