"""What the options of ``streamer evaluate`` and ``streamer backtest`` take."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import TYPE_CHECKING, Final

import click

from streamer.durations import DAY_MS

if TYPE_CHECKING:
    from streamer.evaluation import Break, Chargebacks, RowRange

__all__ = ["BreakOf", "ChangeOf", "ChargebacksOf", "Duration", "RivalsOf", "RowsOf"]

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_CHARGEBACKS: Final = re.compile(r"(\d+(?:\.\d+)?)(%?):(\d+)-(\d+)d?")


class _Parsed(click.ParamType):
    """A type whose text one method reads; `ValueError` says what would have been right."""

    @abstractmethod
    def read(self, text: str) -> object:
        """Return what ``text`` says."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        if not isinstance(value, str):
            return value
        try:
            return self.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Duration(_Parsed):
    name = "duration"

    def read(self, text: str) -> int:
        """Return milliseconds from ``7d``, ``12h``, ``90m`` or ``30s``."""
        match = _DURATION.fullmatch(text)
        if match is None:
            raise ValueError(f"must be a number and one of s, m, h, d, such as 7d; got {text}")
        return round(float(match[1]) * _SECONDS[match[2]] * 1000)


class ChargebacksOf(_Parsed):
    name = "chargebacks"

    def read(self, text: str) -> Chargebacks:
        """Return chargebacks from ``60%:30-120d`` or ``0.6:30-120``."""
        from streamer.evaluation import Chargebacks

        match = _CHARGEBACKS.fullmatch(text)
        share = float(match[1]) / (100 if match[2] else 1) if match else 2.0
        if match is None or share > 1 or int(match[3]) > int(match[4]):
            raise ValueError(
                f"must be a share and days from and to, such as 60%:30-120d; got {text}"
            )
        return Chargebacks(share, int(match[3]) * DAY_MS, int(match[4]) * DAY_MS)


class RowsOf(_Parsed):
    name = "rows"

    def read(self, text: str) -> RowRange:
        from streamer.evaluation import RowRange

        return RowRange.parse(text)


class BreakOf(_Parsed):
    name = "break"

    def read(self, text: str) -> Break:
        from streamer.evaluation import Break

        return Break.parse(text)


class ChangeOf(_Parsed):
    name = "change"

    def read(self, text: str) -> tuple[str, str]:
        """Return name and value from ``alert_budget=0.01``, also of ``STREAMER_ALERT_BUDGET=0.01``."""
        name, equals, value = text.partition("=")
        name = name.strip().lower().removeprefix("streamer_")
        if not equals or not name or not value.strip():
            raise ValueError(
                f"must be a setting and its value, such as alert_budget=0.01; got {text}"
            )
        return name, value.strip()


class RivalsOf(_Parsed):
    name = "rivals"

    def read(self, text: str) -> tuple[str, ...]:
        """Return the names in ``a,b,c``; none for ``none``, today's four for ``default``."""
        from streamer.evaluation.rivals import DEFAULT_RIVALS, RIVALS

        if text in ("none", "default"):
            return DEFAULT_RIVALS if text == "default" else ()
        names = tuple(dict.fromkeys(text.split(",")))
        if unknown := [name for name in names if name not in RIVALS]:
            raise ValueError(
                f"must be none, default or among {', '.join(RIVALS)}; got {unknown[0]}"
            )
        return names
