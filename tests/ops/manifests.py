"""Renders the Kubernetes overlays: ``make manifests``.  Needs Go, for kustomize's own library.

The first line of a rendered file has the digest of the sources, so that a test without Go can tell
that somebody forgot to render them.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Final

__all__ = ["OVERLAYS", "PROMETHEUS_RULE", "digest_line", "prometheus_rule", "rendered"]

OVERLAYS: Final = ("dev", "prod")

_HERE: Final = Path(__file__).resolve().parent
_OPS: Final = _HERE.parents[1] / "ops"
_SOURCES: Final = _OPS / "kubernetes"
PROMETHEUS_RULE: Final = _SOURCES / "components" / "prometheus" / "prometheusrule.yaml"
_RULE_HEAD: Final = """\
# Written by `make manifests` from ops/prometheus/streamer.rules.yml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: streamer
spec:
"""


def rendered(overlay: str) -> Path:
    """Return where what ``kubectl apply -k`` would send for an overlay is kept."""
    return _SOURCES / "rendered" / f"{overlay}.yaml"


def prometheus_rule() -> str:
    """Return the rules as the Prometheus operator takes them; comments come along."""
    text = (_OPS / "prometheus" / "streamer.rules.yml").read_text()
    _, groups = text.split("\ngroups:\n")
    return _RULE_HEAD + textwrap.indent(f"groups:\n{groups}", "  ")


def digest_line() -> str:
    """Return the first line of what is rendered from the sources as they are."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCES.rglob("*")):
        if path.suffix in {".yaml", ".env"} and path.parent.name != "rendered":
            digest.update(f"{path.relative_to(_SOURCES)}\n{path.read_text()}\n".encode())
    return f"# Rendered by `make manifests` from sources with SHA-256 {digest.hexdigest()}.\n"


def main() -> None:
    """Write the rules and render every overlay; what is wrong with one is printed by kustomize."""
    PROMETHEUS_RULE.write_text(prometheus_rule())
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "kustomize"
        print("building kustomize's library, which takes a minute the first time", file=sys.stderr)
        subprocess.run(["go", "build", "-o", program, "."], cwd=_HERE / "kustomize", check=True)  # noqa: S607
        for overlay in OVERLAYS:
            text = subprocess.run(
                [program, _SOURCES / "overlays" / overlay],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout
            rendered(overlay).parent.mkdir(exist_ok=True)
            rendered(overlay).write_text(digest_line() + text)
            print(rendered(overlay).relative_to(Path.cwd()))


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.ops.manifests", description=__doc__).parse_args()
    main()
