"""Reads ops/Dockerfile as far as the tests and `make image-steps` need it: stages of instructions."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

__all__ = ["DOCKERFILE", "ROOT", "Instruction", "exec_form", "is_sent", "only", "stages"]

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKERFILE: Final = ROOT / "ops" / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """``RUN --mount=... command`` has the name RUN, the flag and the command."""

    name: str
    flags: tuple[str, ...]
    rest: str


def stages() -> list[list[Instruction]]:
    """Return the instructions of each stage, its FROM first; what is before the first is its own."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    found: list[list[Instruction]] = [[]]
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        name, _, rest = line.partition(" ")
        words = rest.split()
        flags = []
        while words and words[0].startswith("--"):
            flags.append(words.pop(0))
        for flag in flags:
            rest = rest.replace(flag, "", 1)
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, tuple(flags), rest.strip()))
    return found


def only(stage: list[Instruction], name: str) -> Instruction:
    """Return the one instruction of this name."""
    (instruction,) = (each for each in stage if each.name == name)
    return instruction


def exec_form(text: str) -> list[str]:
    """Return a command as it is run without a shell; ValueError where it would have one."""
    command: list[str] = json.loads(text)
    return command


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a file of the repository reach the builder; the last rule counts."""
    sent = True
    for rule in (ROOT / ".dockerignore").read_text().splitlines():
        if rule and not rule.startswith("#") and _matches(rule.removeprefix("!"), path):
            sent = rule.startswith("!")
    return sent


def _matches(pattern: str, path: str) -> bool:
    """Whether a rule means a path or a folder above it; without ``**/`` it is for the top alone."""
    anywhere = pattern.removeprefix("**/")
    for each in (Path(path), *Path(path).parents[:-1]):
        if fnmatch(each.name, anywhere) and (anywhere != pattern or len(each.parts) == 1):
            return True
    return False
