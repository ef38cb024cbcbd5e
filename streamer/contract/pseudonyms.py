"""What stands for a card where its number must not."""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["pseudonym"]


def pseudonym(card_id: str, card_key: bytes) -> str:
    """Return the HMAC-SHA256 of a card under a secret key: stable, and not to be turned back."""
    return hmac.new(card_key, card_id.encode(), hashlib.sha256).hexdigest()
