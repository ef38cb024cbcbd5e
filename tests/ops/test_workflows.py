"""The workflows of the CI server: pinned, with the least rights, and checked by actionlint."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.ops.dockerfile import ROOT

PATHS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def _jobs(name: str) -> dict[str, dict[str, Any]]:
    path = ROOT / ".github" / "workflows" / f"{name}.yml"
    jobs: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text())["jobs"]
    return jobs


_PUBLISHES = {
    ("release", "publish"): {"packages", "id-token", "attestations"},
    ("release", "pypi"): {"id-token"},
    ("release", "page"): {"contents", "id-token", "attestations"},
}
ACTIONLINT = shutil.which("actionlint") or ""


@pytest.mark.skipif(not ACTIONLINT, reason="actionlint is not installed")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run([ACTIONLINT, *PATHS], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_say_which_release_that_is(path: Any) -> None:
    """A tag can be moved; dependabot reads the comment."""
    for line in re.findall(r"uses: (.+)", path.read_text()):
        pinned = re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
        assert pinned or line == "./.github/workflows/image.yml", line


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_workflow_may_read_and_only_the_jobs_that_publish_may_write(path: Any) -> None:
    """Each of them what it needs; none of them runs what is in the repository."""
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        rights = job.get("permissions", {})
        may_write = {right for right, way in rights.items() if way != "read"}
        assert may_write <= _PUBLISHES.get((path.stem, name), set()), name
        if may_write:
            assert job["environment"] in {"pypi", "release"}
            commands = " ".join(step.get("run", "") for step in job["steps"])
            assert not re.search(r"make |python|pip|\.ci", commands), commands


def test_what_is_published_was_tested_and_scanned_before() -> None:
    """The same base image, and attested: contents and origin."""
    jobs = _jobs("release")
    assert jobs["publish"]["needs"] == ["test", "image", "bare"]
    assert "publish" in jobs["pypi"]["needs"]
    assert "pypi" in jobs["page"]["needs"]
    assert jobs["bare"]["needs"] == "dist"
    (build,) = (
        step["with"]
        for step in jobs["publish"]["steps"]
        if step.get("uses", "").startswith("docker/build-push-action@")
    )
    assert (build["push"], build["sbom"], build["provenance"]) == (True, True, "mode=max")
    assert build["build-args"] == "PYTHON_IMAGE=${{ needs.image.outputs.base }}"
    (image,) = _jobs("image").values()
    uses = [step.get("uses", "").partition("@")[0] for step in image["steps"]]
    assert uses.index("docker/build-push-action") < uses.index("anchore/scan-action")
    for name in ("ci", "image"):
        assert "push: true" not in (ROOT / ".github" / "workflows" / f"{name}.yml").read_text()


def test_the_image_that_compose_starts_is_the_one_that_was_built() -> None:
    (image,) = _jobs("image").values()
    (build,) = (step["with"] for step in image["steps"] if "tags" in step.get("with", {}))
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert build["tags"] == services["worker-1"]["image"] == services["simulator"]["image"]
    commands = " ".join(step.get("run", "") for step in image["steps"])
    assert "docker compose up --no-build --wait" in commands


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_job_has_an_end(path: Any) -> None:
    """And one that runs every test has the time for it."""
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        if "steps" in job:
            runs_all = any(step.get("run") == ".ci/run" for step in job["steps"])
            assert job["timeout-minutes"] >= (90 if runs_all else 10)
