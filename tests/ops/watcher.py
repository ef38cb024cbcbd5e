"""Injects a fault, sees its alerts fire, mends it, sees them end, and keeps the times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from tests.ops.monitoring import Monitoring
from tests.rig.waiting import wait_until

__all__ = ["LONG_S", "Seen", "Watcher"]

# Minutes are seconds here, and the machine may be ten times slower.
LONG_S: Final = 240.0
_FIRING: Final = {"firing", "active"}
_INHIBITED: Final = {"firing", "suppressed"}


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert that fired and ended: seconds after the fault and after its end.

    ``is_suppressed`` where Alertmanager held it back, as another alert says it all.
    """

    fault: str
    alert: str
    severity: str
    for_s: str
    fired_s: float
    ended_s: float
    is_suppressed: bool


class Watcher:
    """What all drills report to; they run side by side."""

    def __init__(self, monitoring: Monitoring) -> None:
        self._monitoring = monitoring
        self._rules = {
            rule["name"]: rule for rule in monitoring.rules() if rule["type"] == "alerting"
        }
        self._lock = threading.Lock()
        self.seen: list[Seen] = []

    def drill(
        self,
        fault: str,
        namespace: str,
        alerts: Iterable[str],
        inject: Callable[[], None],
        mend: Callable[[], None],
        *,
        suppressed: Iterable[str] = (),
    ) -> None:
        """Fail unless all alerts fire after ``inject`` and end after ``mend``.

        Those of ``suppressed`` must be held back by Alertmanager's own rules, the others must not.
        """
        expected = dict.fromkeys(alerts, _FIRING) | dict.fromkeys(suppressed, _INHIBITED)
        names = sorted(expected)
        wait_until(
            lambda: not any(self._states(namespace, name) for name in names),
            f"none of {names} fires in {namespace} before the fault",
            LONG_S,
        )
        began = time.monotonic()
        inject()
        fired = self._time(
            began,
            names,
            lambda name: (
                self._states(namespace, name) >= expected[name] and self._is_told(namespace, name)
            ),
            f"{fault}: alerts of {namespace} fire",
        )
        began = time.monotonic()
        mend()
        ended = self._time(
            began,
            names,
            lambda name: not self._states(namespace, name),
            f"{fault}: alerts of {namespace} end",
        )
        with self._lock:
            for name in names:
                rule = self._rules[name]
                self.seen.append(
                    Seen(
                        fault,
                        name,
                        rule["labels"]["severity"],
                        f"{rule['duration']:.0f} s",
                        fired[name],
                        ended[name],
                        expected[name] is _INHIBITED,
                    )
                )

    def _states(self, namespace: str, alert: str) -> set[str]:
        return self._monitoring.states(f"ops-{namespace}", alert)

    def _time(
        self, began: float, names: list[str], is_so: Callable[[str], bool], what: str
    ) -> dict[str, float]:
        """Return how many seconds after ``began`` each was so first."""
        found: dict[str, float] = {}

        def all_found() -> bool:
            for name in names:
                if name not in found and is_so(name):
                    found[name] = time.monotonic() - began
            return len(found) == len(names)

        wait_until(all_found, lambda: f"{what}, but {sorted(set(names) - set(found))}", LONG_S)
        return found

    def _is_told(self, namespace: str, name: str) -> bool:
        """Whether Alertmanager has it; fail where what a person gets has a hole, or no whole link."""
        told = self._monitoring.annotations(f"ops-{namespace}", name)
        for text in told.values():
            assert "<no value>" not in text, text
            assert "  " not in text, text
        link = f"https://git.example.com/ops/runbooks/alerts.md#{name.lower()}"
        return bool(told) and link.startswith(told["runbook_url"])
