"""A release: one version everywhere, files that are the same twice, notes, and what a tag does."""

from __future__ import annotations

import re
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import streamer
from ops.release import distributions
from ops.release.bare_install import ASKED, Asked, Bare, without_extras
from ops.release.distributions import build, build_wheel, export, sums
from ops.release.release_notes import notes, section
from ops.release.version_places import PLACES, faults, is_candidate, version, write

ROOT = Path(__file__).resolve().parents[2]
# The package lies elsewhere where the built wheel is tested.
HAS_SOURCES = (ROOT / "streamer" / "__init__.py").is_file()
RELEASE: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())


def places(tmp_path: Path) -> Path:
    """Copy every file in which the version stands."""
    for place in PLACES:
        to = tmp_path / place.file
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes((ROOT / place.file).read_bytes())
    return tmp_path


@pytest.mark.skipif(not HAS_SOURCES, reason="the sources are not here, but installed")
def test_every_place_has_the_version_of_the_project() -> None:
    assert faults(ROOT) == []


def test_the_package_its_images_and_its_changes_have_the_version_of_the_project() -> None:
    assert streamer.__version__ == version(ROOT)
    rendered = (ROOT / "ops/kubernetes/rendered/prod.yaml").read_text()
    assert set(re.findall(r"payments/streamer:(\S+)", rendered)) == {version(ROOT)}
    assert section((ROOT / "CHANGELOG.md").read_text(), version(ROOT))


@pytest.mark.skipif(not HAS_SOURCES, reason="the sources are not here, but installed")
def test_another_version_is_written_wherever_it_stands_and_nothing_else_changes(
    tmp_path: Path,
) -> None:
    root = places(tmp_path)
    before = {place.file: (root / place.file).read_text() for place in PLACES}
    write("12.3.40", root)
    assert version(root) == "12.3.40"
    assert faults(root) == []
    assert "5 - Production/Stable" in (root / "pyproject.toml").read_text()
    write(version(ROOT), root)
    assert {place.file: (root / place.file).read_text() for place in PLACES} == before


@pytest.mark.skipif(not HAS_SOURCES, reason="the sources are not here, but installed")
def test_a_place_that_was_forgotten_is_named_with_what_it_must_say(tmp_path: Path) -> None:
    root = places(tmp_path)
    package = root / "streamer" / "__init__.py"
    package.write_text(package.read_text().replace(version(ROOT), "0.9.0"))
    assert faults(root) == [
        f"streamer/__init__.py must say {version(ROOT)}, got 0.9.0; make version ARGS={version(ROOT)}"
    ]
    package.write_text("")
    assert "got nothing" in faults(root)[0]


@pytest.mark.parametrize(
    "wrong", ["1.0", "v1.0.0", "1.0.0-rc1", "1.0.0rc", "01.0.0", "1.0.0.dev1", ""]
)
def test_what_is_no_version_is_refused_and_nothing_written(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be like 1\.2\.3"):
        write(wrong, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_candidate_is_beta_and_a_release_is_stable() -> None:
    (status,) = (place for place in PLACES if place.is_status)
    assert status.said("1.0.0rc1") == "4 - Beta"
    assert status.said("0.9.0") == "4 - Beta"
    assert status.said("1.0.0") == "5 - Production/Stable"


def test_no_classifier_says_the_licence_a_second_time() -> None:
    """PEP 639: with an expression they are refused."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    assert not [each for each in project["classifiers"] if each.startswith("License")]
    known = {each.rpartition(" ")[2] for each in project["classifiers"] if ":: 3.1" in each}
    assert known == set(RELEASE["jobs"]["bare"]["strategy"]["matrix"]["python"])


# The notes.

CHANGES = """# Changelog

## Unreleased

- Later.

## 1.1.0 - 2026-12-24

Two lines
of one.

### Added

- A [page](docs/a.md) and
  [another](https://example.org/), see [above](#x).
- More.

## 1.0.0 - 2026-11-30

- First.
"""


def test_notes_are_the_section_of_the_version_in_whole_lines_with_whole_links() -> None:
    assert notes(CHANGES, "1.1.0", "https://h/blob/v1.1.0") == (
        "Two lines of one.\n\n### Added\n\n- A [page](https://h/blob/v1.1.0/docs/a.md) and "
        "[another](https://example.org/), see [above](#x).\n- More."
    )
    assert notes(CHANGES, "1.0.0") == "- First."


def test_a_version_without_a_section_date_or_change_has_no_notes() -> None:
    for text, wrong in (
        (CHANGES, "1.2.0"),
        ("## 1.2.0\n\n- New.\n", "1.2.0"),
        (CHANGES + "\n## 1.2.0 - 2027-01-01\n\n", "1.2.0"),
        (CHANGES, "1.1"),
    ):
        with pytest.raises(ValueError, match=r"CHANGELOG\.md must"):
            section(text, wrong)


# The files, of a small project in a repository of its own.


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of a package ``small`` in which things lie about that nobody has added."""
    root = tmp_path / "checkout"
    (root / "small" / "__pycache__").mkdir(parents=True)
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "small"\nversion = "1"\nrequires-python = ">=3.11"\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["small"]\n'
    )
    (root / "small" / "__init__.py").write_text("x = 1\n")
    (root / "test_small.py").write_text("")
    (root / ".gitignore").write_text("__pycache__/\n")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)  # noqa: S607
    subprocess.run(["git", "add", "."], cwd=root, check=True)  # noqa: S607
    (root / "small" / "__pycache__" / "x.pyc").write_text("cache")
    (root / "run-1-data").mkdir()
    (root / "run-1-data" / "large").write_text("left there by a run")
    (root / "secret.txt").write_text("secret")
    return root


def test_an_sdist_has_what_git_keeps_and_is_the_same_wherever_and_whenever_it_is_built(
    checkout: Path, tmp_path: Path
) -> None:
    made = []
    for name, mode in (("a", 0o644), ("b", 0o600)):
        tree = tmp_path / name / "tree"
        export(tree, checkout)
        (tree / "test_small.py").chmod(mode)
        made.append(build(tmp_path / name / "dist", tree, 1_700_000_000))
    (sdist, wheel), (other_sdist, other_wheel) = made
    assert sdist.read_bytes() == other_sdist.read_bytes()
    assert wheel.read_bytes() == other_wheel.read_bytes()
    with tarfile.open(sdist) as packed:
        assert {Path(each.name).name for each in packed if each.isfile()} == {
            ".gitignore", "PKG-INFO", "__init__.py", "pyproject.toml", "test_small.py",
        }  # fmt: skip
        assert {each.mtime for each in packed} == {1_700_000_000}
    # The wheel was made of the sdist; of the tree it is the same.
    assert build_wheel(tmp_path / "c", tmp_path / "a" / "tree", 1_700_000_000).read_bytes() == (
        wheel.read_bytes()
    )
    assert zipfile.ZipFile(wheel).namelist()[0] == "small/__init__.py"
    assert (
        sums(wheel.parent)
        == subprocess.run(
            ["/usr/bin/sha256sum", wheel.name, sdist.name],
            cwd=wheel.parent,
            capture_output=True,
            text=True,
        ).stdout
    )


def test_the_files_of_a_release_take_the_place_of_those_that_were_there(
    checkout: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    to = tmp_path / "dist"
    to.mkdir()
    (to / "small-0-py3-none-any.whl").write_text("of the last release")
    monkeypatch.setattr(distributions, "ROOT", checkout)
    monkeypatch.setattr(distributions, "export", lambda to: export(to, checkout))
    monkeypatch.setattr("sys.argv", ["distributions", "--to", str(to)])
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert distributions.main() == 0
    assert sorted(each.name for each in to.iterdir()) == [
        "small-1-py3-none-any.whl",
        "small-1.tar.gz",
    ]
    assert capsys.readouterr().out == sums(to)


# What a tag does.


def matches(tag: str) -> bool:
    """Whether the workflow begins for a tag, by GitHub's patterns: + is one or more there too."""
    return any(
        re.fullmatch(each.replace(".", r"\."), tag) for each in RELEASE[True]["push"]["tags"]
    )


def test_tags_of_releases_and_candidates_begin_the_workflow_and_no_others() -> None:
    assert matches(f"v{version(ROOT)}")
    assert matches("v1.0.0")
    assert matches("v10.2.33rc12")
    assert not any(map(matches, ("v1.0", "1.0.0", "v1.0.0-rc1", "v1.0.0rc", "v1.0.0.dev1")))


def test_a_candidate_moves_no_tag_of_an_image_and_is_marked_on_its_page() -> None:
    """``type=pep440`` gives a candidate its own name for any pattern, ``type=semver`` none at all."""
    (names,) = (
        step["with"]["tags"]
        for step in RELEASE["jobs"]["publish"]["steps"]
        if step.get("uses", "").startswith("docker/metadata-action@")
    )
    assert names.split("\n")[:2] == [
        "type=pep440,pattern={{version}}",
        "type=pep440,pattern={{major}}.{{minor}}",
    ]
    (page,) = (step for step in RELEASE["jobs"]["page"]["steps"] if step.get("id") == "page")
    for tag, kind in (("v1.0.0rc1", "--prerelease"), ("v1.0.0", "--latest")):
        assert is_candidate(tag) == (kind == "--prerelease")
        done = subprocess.run(
            ["/bin/bash", "-ec", f"gh() {{ printf '%s\\n' \"$@\"; }}\n{page['run']}"],
            env={"PATH": "/usr/bin:/bin", "GITHUB_REF_NAME": tag},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[:5] == ["release", "create", tag, "--verify-tag", kind]


def test_files_are_built_once_and_only_those_that_were_installed_are_published() -> None:
    jobs = RELEASE["jobs"]
    commands = {name: str(job) for name, job in jobs.items()}
    assert [name for name, text in commands.items() if "make dist" in text] == ["dist"]
    for name in ("bare", "pypi", "page"):
        assert "actions/download-artifact@" in commands[name]
    # The page's job reads the version from the one that built, and waits for PyPI's.
    assert jobs["page"]["needs"] == ["dist", "pypi"]
    assert "password" not in commands["pypi"]


# Without extras.


class Told(Bare):
    """Answers as it is told, and installs nothing."""

    def __init__(self, code: int, said: str) -> None:
        self.answer = subprocess.CompletedProcess[str]([], code, said, "")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.answer


@pytest.mark.parametrize(
    ("extra", "code", "said", "wrong"),
    [
        ("", 0, "done", None),
        ("", 1, "failed", "must work without extras, got 1: failed"),
        ("serve", 2, "pip install 'streamer-fraud[serve]'", None),
        (
            "serve",
            0,
            "pip install 'streamer-fraud[serve]'",
            "must name streamer-fraud[serve], got 0",
        ),
        ("console", 2, "pip install 'streamer-fraud[serve]'", "must name streamer-fraud[console]"),
        ("serve", 1, "Traceback (most recent call last)", "must end with a sentence"),
    ],
)
def test_without_its_extra_a_command_ends_by_naming_it(
    extra: str, code: int, said: str, wrong: str | None
) -> None:
    found = without_extras(Told(code, said), [Asked(("x",), extra)])
    assert len(found) == (wrong is not None)
    assert wrong is None or wrong in found[0]


def test_each_extra_that_a_command_alone_needs_is_asked_about() -> None:
    assert {each.names for each in ASKED} >= {"", "console", "embedded", "evaluation", "serve"}
