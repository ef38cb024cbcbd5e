"""The OpenAPI 3.1 of what `streamer console` answers to who is logged in, for machines that try it.

It is a description for tests and promises nothing to clients: pages change, so it is not served.
Redirects are followed, so that statuses are those of where they lead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["HEADERS", "console_openapi"]

Tree = dict[str, Any]

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""What every answer has, beside Cache-Control."""

_TEXT: Final[Tree] = {"type": "string"}
_FORM: Final = "application/x-www-form-urlencoded"
_FILTERS: Final = "severity reason merchant country least most hours ranked_by done joint look"
_GETS: Final[Mapping[str, tuple[str, str]]] = {
    "/": (f"{_FILTERS} page", "200"),
    "/next": (_FILTERS, "200 409"),
    "/team": ("", "200"),
    "/budget": ("step", "200"),
    "/model": ("", "200"),
    "/proposals": ("", "200"),
    "/operations": ("", "200"),
    "/snoozed": ("", "200"),
    "/below": ("", "200"),
    "/help": ("", "200"),
    "/login": ("", "200"),
    "/oidc/callback": ("code state iss", "404"),
    "/oidc/login": ("after", "404"),
    "/alerts/{alert_id}": (_FILTERS, "200 404 409"),
    "/alerts/{alert_id}/asked": ("amount hour distance_km", "200 400 404"),
    "/alerts/{alert_id}/recomputed": ("", "200 404"),
    "/alerts/{alert_id}/print": ("", "200 404"),
    "/waves/{wave_id}": (_FILTERS, "200 404 409"),
}
_POSTS: Final[Mapping[str, tuple[str, str]]] = {
    "/find": ("wanted topic read", "200 404 409"),
    "/alerts/{alert_id}/verdict": ("verdict key comment", "200 404 409"),
    "/alerts/{alert_id}/undo": ("key", "200 404 409"),
    "/alerts/{alert_id}/overrule": ("verdict key stands comment", "200 400 404 409"),
    "/alerts/{alert_id}/claim": ("comment", "200 404 409"),
    "/alerts/{alert_id}/release": ("", "200 404 409"),
    "/alerts/{alert_id}/take": ("holder comment", "200 404 409"),
    "/alerts/{alert_id}/reopen": ("comment", "200 404 409"),
    "/alerts/{alert_id}/snooze": ("kind days reason comment", "200 404 409"),
    "/waves/{wave_id}/claim": ("comment", "200 404 409"),
    "/waves/{wave_id}/verdict": ("verdict key comment members", "200 404 409"),
    "/waves/{wave_id}/undo": ("key", "200 404 409"),
    "/waves/{wave_id}/release": ("", "200 404"),
    "/ticked": ("members", "200 404 409"),
    "/ticked/verdict": ("verdict key comment members", "200 404 409"),
    "/ticked/undo": ("key", "200 404 409"),
    "/ticked/release": ("members", "200"),
    "/snoozed/end": ("name", "200 404"),
    "/budget/propose": ("key step reason", "200 409"),
    "/model/propose": ("key version kind reason", "200 409"),
    "/proposals/{proposal_id}/decide": ("state remark", "200 404 409"),
    "/login": ("name password after", "200 401 429"),
    "/proposals/{proposal_id}/carry-out": ("", "200 404 409"),
    "/logout": ("", "200"),
}
_EXPORTED: Final = (
    "exported_at exported_by alert review second_opinion ruling is_reproduced recomputed parts "
    "complaint would_have_changed_it asked_version not_asked_because drawn_from beside_the_card "
    "positions merchant_when_scored merchant_now alerts_of_the_card verdict_taught"
)
_CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "verdict": ["fraud", "legitimate"],
    "topic": ["1"],
    "kind": ["card", "merchant", "promotion", "rollback", "import"],
    "state": ["approved", "declined"],
    "severity": ["critical", "high", "medium"],
    "days": ["7"],
    "step": ["20"],
    "reason": ["the customer travels"],
    "holder": ["lea", "mona"],
}


def console_openapi(
    alert_ids: Sequence[str], wave_ids: Sequence[str], csrf: str, static: Sequence[str]
) -> Tree:
    """Return the document; the ids are of what is in the queue, ``csrf`` is the session's token.

    Of an address that ends the session the token is not told.
    """
    known = {"alert_id": alert_ids, "wave_id": wave_ids, "name": static}
    values = {
        **_CHOICES,
        "members": [" ".join(alert_ids[-2:])],
        "wanted": list(alert_ids),
        "csrf": [csrf],
    }
    paths: dict[str, Tree] = {}
    for path, (names, statuses) in _GETS.items():
        way = _way(path, known, _pages(statuses))
        way["parameters"] += [
            {"name": name, "in": "query", "schema": _schema(name, values)} for name in names.split()
        ]
        paths.setdefault(path, {})["get"] = way
    for path, (names, statuses) in _POSTS.items():
        way = _way(path, known, _pages(f"{statuses} 400 403"))
        told = {**values, "csrf": []} if path == "/logout" else values
        way["requestBody"] = _form(f"csrf {names}", told)
        paths.setdefault(path, {})["post"] = way
    paths["/alerts/{alert_id}/export.json"] = {"get": _export(known)}
    paths["/static/{name}"] = {"get": _static(known)}
    paths["/healthz"] = {"get": _way("", known, {"200": _json(["status"])})}
    paths["/readyz"] = {"get": _way("", known, {"200": _json(["status"])})}
    text = _answer({"text/plain": {"schema": _TEXT}})
    paths["/metrics"] = {"get": _way("", known, {"200": text})}
    # A stream that lasts for minutes: not to be asked by who waits for its end.
    events = {"200": _answer({"text/event-stream": {"schema": _TEXT}}), "204": _answer({})}
    paths["/events"] = {"get": _way("", known, events)}
    info = {"title": "streamer console", "version": "0"}
    return {"openapi": "3.1.0", "info": info, "paths": paths}


def _way(path: str, known: Mapping[str, Sequence[str]], responses: Tree) -> Tree:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return {
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"anyOf": [{"enum": list(known.get(name, ["none"]))}, _ANY_ID]},
            }
            for name in names
        ],
        "responses": responses,
    }


_ANY_ID: Final[Tree] = {"type": "string", "minLength": 1, "maxLength": 300}


def _schema(name: str, values: Mapping[str, Sequence[str]]) -> Tree:
    known = values.get(name, [])
    return {"anyOf": [{"enum": list(known)}, _TEXT]} if known else _TEXT


def _form(names: str, values: Mapping[str, Sequence[str]]) -> Tree:
    fields = {name: _schema(name, values) for name in names.split()}
    if values["csrf"]:
        fields["csrf"] = {"enum": list(values["csrf"])}
    schema = {"type": "object", "properties": fields, "required": ["csrf"]}
    return {"required": True, "content": {_FORM: {"schema": schema}}}


def _pages(statuses: str) -> Tree:
    return {status: _answer({"text/html": {"schema": _TEXT}}) for status in statuses.split()}


def _answer(content: Tree) -> Tree:
    told = {name: {"required": True, "schema": {"const": value}} for name, value in HEADERS.items()}
    told["Cache-Control"] = {"required": True, "schema": {"type": "string", "minLength": 1}}
    answer: Tree = {"description": "As it says.", "headers": told}
    return answer | ({"content": content} if content else {})


def _json(names: Sequence[str]) -> Tree:
    schema = {
        "type": "object",
        "properties": {name: {} for name in names},
        "required": list(names),
        "additionalProperties": False,
    }
    return _answer({"application/json": {"schema": schema}})


def _export(known: Mapping[str, Sequence[str]]) -> Tree:
    answers = {"200": _json(_EXPORTED.split()), **_pages("404")}
    return _way("/{alert_id}", known, answers)


def _static(known: Mapping[str, Sequence[str]]) -> Tree:
    kinds = "text/css", "text/javascript", "image/svg+xml"
    found = _answer({kind: {"schema": _TEXT} for kind in kinds})
    return _way("/{name}", known, {"200": found, **_pages("404")})
