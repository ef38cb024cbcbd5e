"""What schemathesis tries the console by has all of its addresses and ways, and their headers."""

from __future__ import annotations

from streamer.console.pages.page_templates import static_file
from tests.console.conftest import Reviewer, Stand, alert, arrived
from tests.console.console_openapi import HEADERS, console_openapi


def test_every_address_and_way_to_ask_is_described(stand: Stand) -> None:
    with stand.console() as (_, client):
        app = client.app._app  # type: ignore[attr-defined]
        there = {
            (route.path, method) for route in app.routes for method in route.methods - {"HEAD"}
        }
    document = console_openapi(["a"], ["w"], "t", ["console.css"])
    told = {(path, method.upper()) for path, ways in document["paths"].items() for method in ways}
    assert there == told


def test_an_export_and_its_headers_are_as_described(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        mona.login()
        answer = mona.get("/alerts/transactions-0-1/export.json")
        document = console_openapi(["a"], ["w"], "t", ["console.css"])
        ways = document["paths"]["/alerts/{alert_id}/export.json"]["get"]["responses"]["200"]
        [told] = ways["content"].values()
        assert sorted(answer.json()) == sorted(told["schema"]["required"])
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert static_file("console.css") is not None
