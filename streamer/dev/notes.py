"""What is to be known of the stack beside its addresses: logs, who comes back, and who judges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

__all__ = ["notes"]


def notes(logs: Sequence[Path], verdict_delay_s: float, *, is_silent: bool) -> str:
    """Return the lines.  ``logs`` are the workers'; ``is_silent`` where no payments are simulated."""
    lines = ["", "Logs of the workers, warnings and worse, until the end:", ""]
    lines += [f"  {path}" for path in logs]
    lines += [
        "",
        "A worker that ends is started again at once, and is ready within half a minute.",
    ]
    if is_silent:
        lines += [
            "No payments are simulated, and nobody judges: what is scored is what you publish. Before",
            "5,000 payments nothing alerts.",
        ]
    elif math.isinf(verdict_delay_s):
        lines += ["Nobody judges alerts but you."]
    else:
        lines += [
            f"Simulated reviewers judge every alert after {verdict_delay_s:g} s, also those of",
            "payments of yours, so mostly before you do: --no-verdicts leaves them to you.",
        ]
    return "\n".join([*lines, ""])
