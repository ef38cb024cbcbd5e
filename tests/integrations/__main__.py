"""Checks against other people's software: ``python -m tests.integrations [NAME ...] [--within S]``.

Each environment is made below build/integrations, once for its locks, and its checks are run there.
Arguments after ``--`` go to pytest.  The exit code is 1 when one fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from tests.integrations.environments import Environment, environments, within

__all__: list[str] = []


def main() -> int:
    """Run the environments that were asked for, and say how each went."""
    known = environments()
    parser = argparse.ArgumentParser(prog="python -m tests.integrations", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--within", type=int, metavar="SECONDS", help="leave out what takes longer")
    ours, for_pytest = _split(sys.argv[1:])
    options = parser.parse_args(ours)
    unknown = sorted(set(options.names) - known.keys())
    if unknown:
        parser.error(f"NAME must be one of {', '.join(known)}, got {', '.join(unknown)}")
    wanted = [known[name] for name in options.names or known]
    chosen, left_out = within(wanted, options.within)
    lines = [f"{each.name}: {_run(each, for_pytest)}" for each in chosen]
    lines += [f"{reason.split()[0]}: skipped" for reason in left_out]
    print("\n" + "\n".join(lines))
    failed = sum(": failed" in line for line in lines)
    passed = len(chosen) - failed
    reasons = f" ({'; '.join(left_out)})" if left_out else ""
    failures = f", {failed} failed" if failed else ""
    print(f"integrations: {passed} passed{failures}, {len(left_out)} skipped{reasons}", flush=True)
    return 1 if failed else 0


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _run(environment: Environment, for_pytest: list[str]) -> str:
    print(f"\n-- {environment.name}", flush=True)
    started = time.monotonic()
    try:
        environment.make()
    except subprocess.CalledProcessError:
        return "failed, the environment could not be made"
    made = time.monotonic()
    code = environment.check(for_pytest)
    took = f"made in {made - started:.0f} s, checked in {time.monotonic() - made:.0f} s"
    return f"passed, {took}" if code == 0 else f"failed with pytest's exit code {code}, {took}"


if __name__ == "__main__":
    sys.exit(main())
