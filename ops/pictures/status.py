"""Draws what ``streamer status`` says of a service that is well, and after a worker was killed.

``python -m ops.pictures.status`` takes a minute and writes ``docs/status-well.svg`` and
``docs/status-wrong.svg``: the command's own output, as a terminal of 110 columns shows it.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.console import Console

from ops.pictures.traffic import traffic_of
from streamer.dev.stack import Stack
from streamer.display.status_display import rendered
from streamer.status import Status, gather, troubles_of

__all__ = ["main"]

_DOCS: Final = Path(__file__).parents[2] / "docs"
_WIDTH: Final = 110
_PAYMENTS_PER_S: Final = 100.0
_WITHIN_S: Final = 120.0


def main() -> None:
    """Write both."""
    with Stack(2, None, print) as stack, traffic_of(stack, _PAYMENTS_PER_S, verdict_delay_s=5.0):
        _draw(stack, "status-well", lambda found: not troubles_of(found) and _has_model(found))
        stack.kill(0)
        _draw(stack, "status-wrong", lambda found: _is_taken_over(found) and _has_model(found))


def _has_model(found: Status) -> bool:
    return found.model is not None and not found.model.is_warming


def _is_taken_over(found: Status) -> bool:
    """Whether one worker has everything, which takes Kafka as long as its session is."""
    owners = {each.owner for each in found.partitions}
    return len(owners) == 1 and bool(troubles_of(found))


def _draw(stack: Stack, name: str, is_it: Callable[[Status], bool]) -> None:
    """Write the picture of the first status that is as wanted."""
    until = time.monotonic() + _WITHIN_S
    while True:
        found = gather(stack.settings, stack.worker_urls, round(time.time() * 1000))
        if is_it(found):
            break
        if time.monotonic() > until:
            raise TimeoutError(f"{name} must be seen within {_WITHIN_S:g} s, got {found}")
        time.sleep(0.5)
    console = Console(
        file=io.StringIO(), record=True, width=_WIDTH, force_terminal=True, highlight=False
    )
    console.print(rendered(found, troubles_of(found)))
    urls = " ".join(f"--worker {url}" for url in stack.worker_urls)
    drawn = console.export_svg(title=f"streamer status {urls}", unique_id=name)
    # Fonts from the network: any monospaced one that is there will do.
    drawn = re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    path = _DOCS / f"{name}.svg"
    path.write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n", "utf-8")
    print(f"{path} ({path.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
