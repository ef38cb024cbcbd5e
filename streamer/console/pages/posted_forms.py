"""What a form sent: its fields as text, bounded."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

__all__ = ["MOST_COMMENT", "SEVERAL", "FormError", "form_of"]

MOST_COMMENT: Final = 2_000
"""Characters that a comment may have."""

SEVERAL: Final = "members"
"""What a form may have several of: each box that was ticked is one."""

_MOST_BYTES: Final = 65_536
_MOST_FIELDS: Final = 128
_WITHIN_S: Final = 15.0


class FormError(Exception):
    """A body that is no form of ours; its text says why."""


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a body, the last of each name; of `SEVERAL` all, with spaces between."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        raise FormError("a form must be sent as application/x-www-form-urlencoded")
    try:
        async with asyncio.timeout(_WITHIN_S):
            body = await _body(request)
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except TimeoutError:
        raise FormError(f"a form must come within {_WITHIN_S:g} s") from None
    except ValueError:
        raise FormError("a form must be UTF-8 with a few fields") from None
    fields = dict(pairs)
    if SEVERAL in fields:
        fields[SEVERAL] = " ".join(value for name, value in pairs if name == SEVERAL)
    return fields


async def _body(request: Request) -> bytearray:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise FormError(f"a form must have at most {_MOST_BYTES} bytes")
    return body
