"""A command without its packages names one extra that has all of them."""

from __future__ import annotations

import pytest

import streamer.extra
from streamer.cli import main
from streamer.errors import ConfigurationError
from streamer.extra import require


@pytest.fixture
def _nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str) -> None:
        raise ImportError(module)

    monkeypatch.setattr(streamer.extra, "import_module", missing)


@pytest.mark.usefixtures("_nothing_there")
def test_a_package_is_named_with_the_extra_that_has_it() -> None:
    with pytest.raises(ConfigurationError, match=r"needs grpcio; .*streamer-fraud\[serve\]'"):
        require("grpc")
    with pytest.raises(ConfigurationError, match=r"needs starlette; .*streamer-fraud\[console\]'"):
        require("starlette", extra="console")


@pytest.mark.usefixtures("_nothing_there")
@pytest.mark.parametrize("command", ["console", "serve"])
def test_a_command_names_its_own_extra_also_for_a_package_that_another_has(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command])
    assert f"pip install 'streamer-fraud[{command}]'" in " ".join(capsys.readouterr().err.split())
