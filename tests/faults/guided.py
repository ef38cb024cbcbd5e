"""Fuzzing guided by coverage: ``python -m tests.faults.guided [--seconds 60] [--corpus FOLDER]``.

atheris (libFuzzer) changes messages in the direction of branches of decoder and intake that no message
has taken yet, where `fuzzed` draws at random.  No message may raise, and each comes to be one thing
(`one_message`).  One that fails is written to the corpus folder; ``--replay`` runs it alone.

atheris has wheels for Linux and is no dependency: ``pip install atheris`` first.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

__all__ = ["main"]

_SEEDS: Final = 40
# Longer ones are slow and teach no more.
_LONGEST: Final = 4_096


def main() -> int:
    """Run from the command line; libFuzzer ends the process itself, with 77 after a failure."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.guided", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, help="is kept, and begun with if it is there")
    parser.add_argument("--replay", type=Path, metavar="INPUT", help="run this input alone")
    options = parser.parse_args()
    if find_spec("atheris") is None:
        print("atheris must be installed, got none; pip install atheris", file=sys.stderr)
        return 1
    import atheris

    # Before anything else imports them.
    with atheris.instrument_imports(include=["streamer.intake.decoding", "streamer.intake"]):
        target = importlib.import_module("tests.faults.one_message")
    corpus = options.corpus or Path(tempfile.mkdtemp())
    corpus.mkdir(parents=True, exist_ok=True)
    flags = [f"-max_len={_LONGEST}", f"-seed={options.seed}", f"-artifact_prefix={corpus}/"]
    if options.replay is None:
        for i, data in enumerate(target.seeds(_SEEDS, options.seed)):
            (corpus / f"seed-{i:04d}").write_bytes(data[:_LONGEST])
        flags += [f"-max_total_time={options.seconds}", str(corpus)]
    else:
        flags.append(str(options.replay))
    atheris.Setup([sys.argv[0], *flags], target.decode)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
