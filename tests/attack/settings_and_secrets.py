"""Attempts by way of settings, of files that commands are given, and of what was told in all of it."""

from __future__ import annotations

import re

from streamer.errors import ConfigurationError
from streamer.settings import load_settings
from tests.attack.attempts import attempt
from tests.attack.site import ADMIN_TOKEN, CONSOLE_SECRET, SERVE_KEY, Site
from tests.cli.test_commands import run
from tests.console.conftest import PASSWORD
from tests.console.oidc_provider import SECRET

__all__: list[str] = []

_OIDC = {
    "STREAMER_CONSOLE_URL": "https://console.example",
    "STREAMER_OIDC_CLIENT_ID": "c",
    "STREAMER_OIDC_ROLES": "a=reviewer",
}


@attempt("settings")
def addresses_of_other_kinds(site: Site) -> str:
    """file://, gopher://, ftp://, user:password@ and plain http elsewhere as OPA, provider,
    registry, workers"""
    urls = ["file:///etc/passwd", "gopher://x/", "ftp://x/", "//x", "x", "javascript:1"]
    wrong = {
        "STREAMER_OPA_URL": [*urls, "http://u:p@x", "http://x/?q=1"],
        "STREAMER_OIDC_ISSUER": [*urls, "http://login.example", "https://u:p@x", "https://x\\y"],
        "STREAMER_CONSOLE_URL": [*urls, "https://x/path", "http://console.example"],
        "STREAMER_SCHEMA_REGISTRY_URL": urls,
        "STREAMER_CONSOLE_WORKERS": [*urls, "http://a:8080,file:///etc/passwd"],
        "STREAMER_REDIS_URL": ["file:///etc/passwd", "http://x", "gopher://x"],
    }
    taken = []
    for name, values in wrong.items():
        for value in values:
            told = _fault(_OIDC | {"STREAMER_OIDC_ISSUER": "https://x"} | {name: value})
            if name not in told:
                taken.append((name, value))
    assert not taken, taken
    n_refused = sum(map(len, wrong.values()))
    return (
        f"each of {n_refused} is refused at the start; which host is asked is whoever's who sets it"
    )


def _fault(environment: dict[str, str]) -> str:
    """Return what is wrong with settings, "" where nothing is."""
    try:
        load_settings(environment)
    except ConfigurationError as error:
        return str(error)
    return ""


@attempt("settings")
def files_named_by_an_argument(site: Site) -> str:
    """`dlq show` and `audit verify --file` of paths that are none of theirs"""
    environment = {"kafka_bootstrap_servers": "127.0.0.1:1", "redis_url": site.redis_url}
    for path in ("/etc/passwd", "../../../../etc/passwd", "/dev/zero\x00"):
        told = run("audit", "verify", "--file", path, **environment)
        assert told.exit_code != 0
        assert "root:" not in told.output + told.stderr
    absent = run("dlq", "show", "../../etc/passwd", **environment)
    assert absent.exit_code == 2
    assert "root:" not in absent.output + absent.stderr
    return "an error that has nothing of the file; a dead letter is a place in a topic, no path"


@attempt("settings")
def secrets_in_answers_and_logs(site: Site) -> str:
    """Every password, key and token of these attempts is looked for in all answers and logs of them"""
    # They are there to be asked, whatever was attempted before.
    logs = site.logs()
    told = "\n".join([*site.heard, *logs.values()])
    secrets = [PASSWORD, CONSOLE_SECRET, SERVE_KEY, "another-key-of-serve", ADMIN_TOKEN, SECRET]
    found = [text[:4] for text in secrets if text in told]
    assert not found, found
    assert not re.search(r"\$argon2id\$|Traceback \(most recent", told)
    return (
        f"none in {len(site.heard):,} answers and {len(logs)} logs of {len(told):,} characters; "
        "no hash, no traceback"
    )
