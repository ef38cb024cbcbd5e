"""Each attempt holds, on real processes; the page has all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from streamer.embedded import EmbeddedKafka
from tests.attack.every_attempt import attempts
from tests.attack.site import Site
from tests.retention.held import kinds_of, unstated

PAGE: Final = Path(__file__).parents[2] / "docs" / "attempts.md"


@pytest.fixture(scope="module")
def site(
    kafka: EmbeddedKafka, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with Site(kafka, redis_url, tmp_path_factory.mktemp("attacked")) as made:
        yield made


@pytest.mark.parametrize("name", [n for n, each in attempts().items() if not each.is_dear])
def test_an_attempt_holds(site: Site, name: str) -> None:
    assert attempts()[name].work(site)


def test_everything_that_the_attacked_wrote_to_redis_has_a_line_of_how_long_it_is_kept(
    site: Site,
) -> None:
    """After all attempts: a console with logins, proposals and verdicts, and a worker."""
    namespaces = site.console.stand.settings.namespace, site.service.settings.namespace
    for namespace in namespaces:
        assert kinds_of(site.redis_url, namespace)
        assert unstated(site.redis_url, namespace) == []
    wanted = {"review:proposals", "review:bound-names", "review:tries:*", "review:ended:*"}
    assert wanted <= kinds_of(site.redis_url, namespaces[0])


def test_there_are_at_least_forty() -> None:
    assert len(attempts()) >= 40


def test_the_page_names_every_attempt_and_whom_it_is_against() -> None:
    rows = re.findall(
        r"^\| ([a-z0-9 ]+) \| (\w+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    told = [(name, against) for name, against in rows if name != "name"]
    assert told == [(each.name, each.against) for each in attempts().values()]
