"""A file that is changed as Kubernetes and Vault Agent change a secret: its link is set to another."""

from __future__ import annotations

from pathlib import Path

__all__ = ["SwappedFile"]


class SwappedFile:
    """``path`` leads over two links to what was written last."""

    def __init__(self, folder: Path, name: str, text: str) -> None:
        self.path = folder / name
        self._folder, self._n = folder, 0
        self.swap(text)
        self.path.symlink_to(Path("..data") / name)

    def swap(self, text: str) -> None:
        """Write another content beside the one before, and set the link to it."""
        self._n += 1
        made = self._folder / f"..{self._n}"
        made.mkdir()
        (made / self.path.name).write_text(text, encoding="utf-8")
        fresh = self._folder / "..data_tmp"
        fresh.symlink_to(made.name)
        fresh.replace(self._folder / "..data")
