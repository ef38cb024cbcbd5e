"""What checks of every environment share."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from tests.integrations.environments import ROOT

# What drives a browser is in that environment alone, and the conftest there imports it.
collect_ignore = [] if find_spec("playwright") else ["browser"]


@pytest.fixture(scope="session")
def streamer() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``streamer ARGUMENTS`` as a process, with settings such as ``n_clusters="3"``.

    Its output is text.  In an environment that streamer is apart from this is the only way to it.
    """

    def run(
        *arguments: str, timeout: float = 280, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        # An unknown setting is an error, and this is none of the product's.
        others = {k: v for k, v in os.environ.items() if k != "STREAMER_PYTHON"}
        env = {f"STREAMER_{name.upper()}": value for name, value in settings.items()}
        return subprocess.run(
            [os.environ["STREAMER_PYTHON"], "-m", "streamer", *arguments],
            cwd=ROOT,
            env=others | env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run
