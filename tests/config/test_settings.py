from __future__ import annotations

import pickle

import pytest

from config.settings import ConfigError, Secret, Url, check, load

SOCKET = {"SLACK_BOT_TOKEN": "xoxb-bot-hush", "SLACK_APP_TOKEN": "xapp-app-hush"}
HTTP = {"SLACK_BOT_TOKEN": "xoxb-bot-hush", "SLACK_SIGNING_SECRET": "sign-hush"}


def test_socket_mode_and_defaults(folder):
    settings = load(folder.path, SOCKET)
    assert settings.slack.mode == "socket"
    assert settings.slack.bot_token.reveal() == "xoxb-bot-hush"
    assert settings.slack.api_url == "https://slack.com/api/"
    assert settings.database_url == "sqlite:///rollout-bot.db"
    assert settings.prometheus_url == "http://127.0.0.1:9090"
    assert (settings.http_host, settings.http_port, settings.log_level) == ("127.0.0.1", 8080, "INFO")
    assert (settings.language, settings.timezone) == ("zh", "Asia/Shanghai")
    assert settings.config_dir == folder.path


def test_http_mode_and_the_environment_goes_first(folder):
    more = {
        "PROMETHEUS_URL": "http://prom:9090/",
        "HTTP_HOST": "0.0.0.0",
        "HTTP_PORT": "0",
        "LOG_LEVEL": "debug",
        "SLACK_API_URL": "http://127.0.0.1:8000/api",
        "SMTP_URL": "smtp://mail.example.com",
        "SMS_TOKEN": "hush",
    }
    settings, problems, warnings = check(folder.path, HTTP | more)
    assert (problems, warnings) == ((), ())
    assert settings.slack.mode == "http"
    assert settings.slack.api_url == "http://127.0.0.1:8000/api/"
    assert settings.prometheus_url == "http://prom:9090"
    assert (settings.http_host, settings.http_port, settings.log_level) == ("0.0.0.0", 0, "DEBUG")


def test_the_process_environment_is_the_default(folder, monkeypatch):
    for name, value in SOCKET.items():
        monkeypatch.setenv(name, value)
    assert load(folder.path).slack.bot_token == Secret("xoxb-bot-hush")


def test_secrets_from_files(folder, tmp_path):
    (tmp_path / "bot").write_text("xoxb-filed-hush\n")
    settings = load(folder.path, {"SLACK_BOT_TOKEN_FILE": str(tmp_path / "bot"), "SLACK_APP_TOKEN": "xapp-hush"})
    assert settings.slack.bot_token.reveal() == "xoxb-filed-hush"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "SLACK_BOT_TOKEN is missing"),
        ({"SLACK_BOT_TOKEN": "xoxb-hush"}, "neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET"),
        ({"SLACK_BOT_TOKEN": "xapp-hush", "SLACK_APP_TOKEN": "xoxb-hush"}, "SLACK_BOT_TOKEN is not a bot token"),
        (SOCKET | {"SLACK_BOT_TOKEN_FILE": "/x"}, "are both set"),
        ({"SLACK_BOT_TOKEN_FILE": "/nowhere", "SLACK_APP_TOKEN": "xapp-hush"}, "cannot be read: No such file"),
        (SOCKET | {"HTTP_PORT": "80a"}, "HTTP_PORT: `80a`"),
        (SOCKET | {"LOG_LEVEL": "INOF"}, "did you mean `INFO`?"),
        (SOCKET | {"PROMETHEUS_URL": "prom:9090"}, "PROMETHEUS_URL is not a URL"),
        (SOCKET | {"DATABASE_URL": "mysql://u:hush@h/d"}, "DATABASE_URL: `mysql://u:***@h/d`"),
        (SOCKET | {"DATABASE_URL": "hush"}, "DATABASE_URL: `***`"),
        (SOCKET | {"DATABASE_URL": "sqlite://bot.db"}, "write it as sqlite:///rollout-bot.db (three slashes"),
        (SOCKET | {"DATABASE_URL": "postgresql://bot:hush@db"}, "write it as postgresql://user:password@host:5432/"),
        (SOCKET | {"DATABASE_URL": "postgresql://bot:hush@db:port/x"}, "`postgresql://bot:***@db:port/x`"),
        (SOCKET | {"DATABASE_URL": "postgresql://bot:hush@/x"}, "it names no host"),
        (SOCKET | {"DATABASE_URL": "postgresql://bot:p/hush@db/x"}, "/ as %2F"),
        (SOCKET | {"DATABASE_URL": "postgresql://bot:p#hush@db/x"}, "# as %23"),
        (SOCKET | {"DATABASE_URL": "postgresql://bot:hush%zz@db/x"}, "% as %25"),
    ],
)
def test_what_is_wrong_with_the_environment(folder, environ, words):
    with pytest.raises(ConfigError) as caught:
        load(folder.path, environ)
    assert words in str(caught.value)
    assert "hush" not in str(caught.value)
    assert {p.file for p in caught.value.problems} == {"environment"}


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////var/lib/bot.db",
        "postgresql://bot:p%2Fw@db.example.com:5432/rollouts?sslmode=verify-full",
        "postgres://db/rollouts",
        "postgresql://bot@[::1]:5432/rollouts",
        "postgresql://bot@a:5432,b:5433/rollouts?target_session_attrs=read-write",
        "postgresql://bot@/rollouts?host=/var/run/postgresql",
    ],
)
def test_databases_that_are_understood(folder, url):
    assert load(folder.path, SOCKET | {"DATABASE_URL": url}).database_url == url


def test_a_token_in_the_clear_is_a_warning(folder):
    _, problems, warnings = check(folder.path, SOCKET | {"SLACK_API_URL": "http://slack.example.com/api/"})
    assert not problems
    assert "in the clear" in "\n".join(map(str, warnings))


def test_no_secret_in_any_repr(folder):
    urls = {"PROMETHEUS_URL": "https://u:hush@prom:9090"}
    settings = load(folder.path, SOCKET | HTTP | urls)
    for text in (repr(settings), str(settings), f"{settings}", repr(settings.slack), str(settings.slack.bot_token)):
        assert "hush" not in text
    assert "hush" in settings.prometheus_url
    assert Url("postgresql://bot:hush@db/rollouts").safe == "postgresql://bot:***@db/rollouts"
    assert "hush" not in repr(Url("http://x/?token=hush"))
    with pytest.raises(TypeError):
        pickle.dumps(settings.slack.bot_token)
