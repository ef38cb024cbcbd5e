"""Why a login by OpenID Connect is refused: a word for logs and metrics, a sentence for people."""

from __future__ import annotations

from typing import Final

__all__ = ["OUTCOMES", "LoginRefusedError"]

_FORGED: Final = (
    "The provider's answer cannot be trusted: nobody was let in. Tell those who run the service."
)
_BEGIN: Final = "Begin the login again from here."

OUTCOMES: Final = {
    # Of the answer that a browser brings.
    "state": f"This login was not begun in this browser, or too long ago. {_BEGIN}",
    "state_used": f"This login has been used already. {_BEGIN}",
    "mix_up": _FORGED,
    "declined": "The provider has not let you in.",
    "no_code": f"The provider has sent no code. {_BEGIN}",
    # Of the provider's answer to the code.
    "code": f"The provider does not know this code: it was used, or is too old. {_BEGIN}",
    "client": "The provider does not accept this console. Tell those who run the service.",
    "no_token": _FORGED,
    "userinfo": _FORGED,
    # Of the ID token.
    "form": _FORGED,
    "algorithm": _FORGED,
    "key": _FORGED,
    "signature": _FORGED,
    "issuer": _FORGED,
    "audience": _FORGED,
    "expired": f"The provider's answer is too old, or one of the two clocks is wrong. {_BEGIN}",
    "issued": f"The provider's answer is of another time; one of the two clocks is wrong. {_BEGIN}",
    "nonce": f"The provider's answer is of another login. {_BEGIN}",
    "subject": _FORGED,
    "access_token": _FORGED,
    # Of who they are.
    "name": "The provider says no name by which you can be known here. Tell those who run the service.",
    "no_role": "None of your groups has a role here. Tell those who run the service.",
    "name_taken": "Somebody else is known here by your name. Tell those who run the service.",
    "limited": "Too many logins were refused. Wait a quarter of an hour.",
    "away": "The provider does not answer. Try again in a moment.",
}
"""Each outcome with what its page says."""


class LoginRefusedError(Exception):
    """A login that is refused; ``outcome`` is of `OUTCOMES`, ``detail`` what a log may have."""

    def __init__(self, outcome: str, detail: str = "") -> None:
        super().__init__(OUTCOMES[outcome])
        self.outcome = outcome
        self.detail = detail
