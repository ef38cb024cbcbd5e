"""``python -m tests.secrets``: each secret is changed under traffic; exit code 1 where one is lost."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.secrets.rotation import Length, Rotation
from tests.secrets.secret_stand import ROLES, SecretStand


def main() -> int:
    """Run the rotation, for as long and as fast as is asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.secrets", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="payments a second")
    parser.add_argument("--requests", type=float, default=50.0, help="requests a second")
    parser.add_argument("--pause", type=float, default=5.0, help="seconds between two steps")
    options = parser.parse_args()
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)

    length = Length(options.rate, options.requests, options.pause)
    with tempfile.TemporaryDirectory() as folder, SecretStand(Path(folder)) as stand:
        rotation = Rotation(stand, Path(folder) / "rotation", length, say)
        with rotation.service:
            try:
                rotation.run()
            finally:
                for role in ROLES:
                    for denied in stand.redis_denials(role):
                        say(f"Redis denied {role}: {denied}")
            wrong = rotation.findings()
            total = rotation.service.totals()
    under, answers = rotation.judged_under, rotation.answers
    print(
        f"\n{total.consumed:,} payments, {total.scored:,} scored and learned once, "
        f"{total.alerted:,} alerts, each once; {sum(rotation.judged.values()):,} verdicts by "
        f"{under['old']:,} old and {under['new']:,} new names of cards; "
        f"requests answered {dict(answers.statuses)}, of which {dict(answers.modes)}; "
        f"a key that was taken away refused after {rotation.refused_after_s:.1f} s; "
        f"{len(stand.canaries)} secrets looked for in all logs, answers and spans"
    )
    print("\n".join(wrong) or "nothing wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
