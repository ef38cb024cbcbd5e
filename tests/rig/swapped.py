"""Secrets that are changed as Kubernetes and Vault Agent change them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["SwappedFile", "SwappedFolder", "renamed_over"]


class SwappedFolder:
    """A mounted Secret: each file leads over ``..data`` to what was written last, all at once."""

    def __init__(self, path: Path, files: Mapping[str, str]) -> None:
        self.path = path
        self.files: dict[str, str] = {}
        self._n = 0
        path.mkdir(exist_ok=True)
        self.swap(**files)

    def swap(self, **changes: str) -> None:
        """Write all files beside the ones before, and set the link to them."""
        self.files |= changes
        self._n += 1
        made = self.path / f"..{self._n}"
        made.mkdir()
        for name, text in self.files.items():
            (made / name).write_text(text, encoding="utf-8")
        fresh = self.path / "..data_tmp"
        fresh.symlink_to(made.name)
        fresh.replace(self.path / "..data")
        for name in self.files:
            link = self.path / name
            if not link.is_symlink():
                link.symlink_to(Path("..data") / name)


class SwappedFile:
    """The same of one file, at ``path``."""

    def __init__(self, folder: Path, name: str, text: str) -> None:
        self._folder = SwappedFolder(folder, {name: text})
        self.path = folder / name

    def swap(self, text: str) -> None:
        """Write another content beside the one before, and set the link to it."""
        self._folder.swap(**{self.path.name: text})


def renamed_over(path: Path, text: str) -> None:
    """Write a file as Vault Agent renders a template: beside it, then renamed over it."""
    fresh = path.with_name(f"{path.name}.tmp")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
