"""Where the version stands: in pyproject.toml, and from there wherever it has to be written out.

``make version ARGS=1.0.0`` writes it everywhere; a test holds that all places agree.  A version is one
of PEP 440 in its normal form with three numbers: a release, or a candidate such as ``1.0.0rc1``.
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["PLACES", "ROOT", "Place", "faults", "is_candidate", "version", "write"]

ROOT: Final = Path(__file__).resolve().parents[2]
_VERSION: Final = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:rc[1-9]\d*)?")


@dataclass(frozen=True, slots=True)
class Place:
    """A file, and the line there, as a pattern whose first group is the version, or its status."""

    file: str
    pattern: str
    is_status: bool = False

    def found(self, root: Path = ROOT) -> list[str]:
        """Return what stands there, once for each time."""
        text = (root / self.file).read_text(encoding="utf-8")
        return [found[1] for found in re.finditer(self.pattern, text, re.MULTILINE)]

    def said(self, version: str) -> str:
        """Return what has to stand there."""
        return _status(version) if self.is_status else version

    def write(self, version: str, root: Path = ROOT) -> None:
        """Write ``version`` there and leave everything else as it is."""
        path = root / self.file
        text = path.read_text(encoding="utf-8")

        def put(found: re.Match[str]) -> str:
            start, end = (each - found.start() for each in found.span(1))
            return found[0][:start] + self.said(version) + found[0][end:]

        path.write_text(re.sub(self.pattern, put, text, flags=re.MULTILINE), encoding="utf-8")


# The first one is the source.  What is rendered from these (ops/kubernetes/rendered) is held to them by
# its own tests; the list of changes has a heading for it.
PLACES: Final = (
    Place("pyproject.toml", r'^version = "(.+)"$'),
    Place("pyproject.toml", r'^    "Development Status :: (.+)",$', is_status=True),
    Place("streamer/__init__.py", r'^__version__ = "(.+)"$'),
    Place("streamer/serving/openapi_examples.json", r'^   "version": "(.+)",$'),
    Place("ops/kubernetes/overlays/prod/kustomization.yaml", r"^    newTag: (.+)$"),
)


def is_candidate(version: str) -> bool:
    """Whether ``version`` is one that pip and image tags such as ``1.0`` pass over.

    >>> is_candidate("1.0.0rc1"), is_candidate("1.0.0")
    (True, False)
    """
    return "rc" in version


def _status(version: str) -> str:
    return "4 - Beta" if is_candidate(version) or version < "1" else "5 - Production/Stable"


def version(root: Path = ROOT) -> str:
    """Return the version of the project, as pyproject.toml has it."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: str = project["version"]
    return found


def faults(root: Path = ROOT) -> list[str]:
    """Return each place that says something else than pyproject.toml, in words."""
    source = version(root)
    found = []
    for place in PLACES:
        says = place.found(root)
        wanted = place.said(source)
        if set(says) != {wanted}:
            said = ", ".join(says) or "nothing"
            found.append(f"{place.file} must say {wanted}, got {said}; make version ARGS={source}")
    return found


def write(to: str, root: Path = ROOT) -> None:
    """Write the version ``to`` wherever it stands; raise ValueError where it is none."""
    if not _VERSION.fullmatch(to):
        raise ValueError(f"a version must be like 1.2.3 or 1.2.3rc1, got {to!r}")
    for place in PLACES:
        place.write(to, root)


def main(arguments: list[str]) -> int:
    """Write the version that is given, or print the one that there is; 1 where places differ."""
    if arguments:
        try:
            write(arguments[0])
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
        print("then: make manifests, a heading in CHANGELOG.md, and what docs/releasing.md says")
    print(version())
    found = faults()
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
