"""Templates and static files, all from this package: text is escaped wherever it stands."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from streamer.console.alert.category_words import category_text
from streamer.console.alert.center_words import center_texts
from streamer.console.alert.fraud_history import counts_text, share_sentence
from streamer.console.alert.lesson_words import coefficient_text, input_text
from streamer.console.alert.what_if import change_text
from streamer.console.moment_words import age_text, moment_text, written_text
from streamer.contract.card_numbers import without_card_numbers
from streamer.explaining.wording import USUAL_BY_ITSELF
from streamer.features import money, percent
from streamer.intake.naming import printable
from streamer.store import undo_key

__all__ = ["page", "static_file"]

_HERE: Final = Path(__file__).parent
_STATIC: Final = {
    path.name: path.read_bytes() for path in sorted((_HERE / "static").iterdir()) if path.is_file()
}
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MARKS: Final = {name: hashlib.sha256(body).hexdigest()[:12] for name, body in _STATIC.items()}


def _amount(value: float, currency: str) -> str:
    return money(value, currency) if value else f"verification of 0 {currency}"


def plain_text(sentence: str) -> str:
    """Return a reason without the words by which it is known to be usual by itself.

    >>> plain_text("As in earlier frauds: an amount of 3.00 EUR (similar payments: 38.51 EUR).")
    'An amount of 3.00 EUR (similar payments: 38.51 EUR).'
    """
    rest = sentence.removeprefix(f"{USUAL_BY_ITSELF}: ")
    return f"{rest[:1].upper()}{rest[1:]}"


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
        "category": category_text,
        "center": center_texts,
        "change": change_text,
        "coefficient": coefficient_text,
        "counts": counts_text,
        "input": input_text,
        "moment": moment_text,
        "percent": lambda share: percent(100 * share),
        "rate": lambda share: f"{100 * share:.3g}%",
        "plain": plain_text,
        "share": share_sentence,
        "shown": printable,
        # What people type: a number that somebody wrote there is on no page, nor in a form again.
        "typed": lambda text: without_card_numbers(printable(text)),
        "kept": without_card_numbers,
        "undo_key": undo_key,
        "words": lambda name: name.replace("_", " "),
        "written": written_text,
    }
    made.globals["usual_by_itself"] = USUAL_BY_ITSELF
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
