"""Templates and static files, all from this package: text is escaped wherever it stands."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from streamer.console.center_words import center_texts
from streamer.console.fraud_history import counts_text, share_sentence
from streamer.console.lesson_words import coefficient_text, input_text
from streamer.console.what_if import change_text
from streamer.durations import DAY_MS, HOUR_MS, MINUTE_MS
from streamer.features import money, percent
from streamer.intake.naming import printable
from streamer.store import undo_key

__all__ = ["age_text", "moment_text", "page", "static_file", "written_text"]

_HERE: Final = Path(__file__).parent
_STATIC: Final = {
    path.name: path.read_bytes() for path in sorted((_HERE / "static").iterdir()) if path.is_file()
}
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MARKS: Final = {name: hashlib.sha256(body).hexdigest()[:12] for name, body in _STATIC.items()}


def moment_text(at_ms: int) -> str:
    """Return a time as people read it.

    >>> moment_text(1_773_454_320_000)
    '2026-03-14 02:12 UTC'
    """
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def written_text(at: str) -> str:
    """Return an RFC 3339 time as people read it.

    >>> written_text("2026-03-14T02:12:00.123Z")
    '2026-03-14 02:12 UTC'
    """
    return moment_text(round(datetime.fromisoformat(at).timestamp() * 1000))


def age_text(age_ms: float) -> str:
    """Return how long ago something was, in one unit.

    >>> [age_text(ms) for ms in (59_000, 3_599_000, 7_200_000, 200_000_000)]
    ['now', '59 min', '2 h', '2 d']
    """
    for unit_ms, name in ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min")):
        if age_ms >= unit_ms:
            return f"{int(age_ms // unit_ms)} {name}"
    return "now"


def _amount(value: float, currency: str) -> str:
    return money(value, currency) if value else f"verification of 0 {currency}"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "age": age_text,
        "amount": _amount,
        "center": center_texts,
        "change": change_text,
        "coefficient": coefficient_text,
        "counts": counts_text,
        "input": input_text,
        "moment": moment_text,
        "percent": lambda share: percent(100 * share),
        "rate": lambda share: f"{100 * share:.3g}%",
        "share": share_sentence,
        "shown": printable,
        "undo_key": undo_key,
        "words": lambda name: name.replace("_", " "),
        "written": written_text,
    }
    made.globals["static"] = lambda name: f"/static/{name}?{_MARKS[name]}"
    return made


_environment_of_pages: Final = _environment()


def page(template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    """Return the page that ``template`` makes of ``values``."""
    text = _environment_of_pages.get_template(template).render(**values)
    return HTMLResponse(text, status)


def static_file(name: str) -> Response | None:
    """Return a static file, None where there is none.

    Its address changes with its bytes, so that it may be kept for ever.
    """
    body = _STATIC.get(name)
    if body is None:
        return None
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(body, media_type=_TYPES[Path(name).suffix], headers=kept)
