"""Writes the JSON Schemas in ``schemas/`` from the structs of the messages.

``python -m streamer.pages.schema_files`` writes them; with ``--check`` it writes nothing, names the
files that differ and exits with 1, which is how continuous integration holds the two together.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from streamer.audit.audit_entry import audit_schema
from streamer.contract.json_schemas import json_schemas

__all__ = ["differing_files", "main", "schema_texts", "write_files"]

_DIRECTORY: Final = Path(__file__).parents[2] / "schemas"


def schema_texts() -> dict[str, str]:
    """Return the text of every schema file by its name: keys sorted, so that diffs are small."""
    schemas = json_schemas() | {"audit.v1": audit_schema()}
    return {
        f"{stem}.json": json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for stem, schema in schemas.items()
    }


def differing_files(directory: Path) -> list[str]:
    """Return the names of files that are missing, not as generated, or of no topic."""
    texts = schema_texts()
    found = {path.name: path.read_text("utf-8") for path in directory.glob("*.json")}
    return sorted(name for name in texts | found if texts.get(name) != found.get(name))


def write_files(directory: Path) -> None:
    """Write every schema file into the directory, which is made if need be."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in schema_texts().items():
        (directory / name).write_text(text, "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the schema files; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m streamer.pages.schema_files", description=__doc__
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    parser.add_argument("--directory", type=Path, default=_DIRECTORY, help="where the files lie")
    options = parser.parse_args(arguments)
    if not options.check:
        write_files(options.directory)
        return 0
    differing = differing_files(options.directory)
    for name in differing:
        print(
            f"{name} must be as generated; run python -m streamer.pages.schema_files, or remove the "
            "file if no topic has that schema",
            file=sys.stderr,
        )
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
