"""A version as MLflow has it: the safetensors file as it is, and an `MLmodel` that runs code."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from streamer import __version__
from streamer.registry.frozen_version import COLUMNS

__all__ = ["VERSION_FILE", "write_model_folder"]

VERSION_FILE: Final = "version.safetensors"
_SETTINGS_FILE: Final = "settings.json"
_GATE_FILE: Final = "gate.json"
_CODE_FILE: Final = "scores_payments.py"

# What MLflow runs when it loads the model ("models from code").
_CODE: Final = '''"""Scores payments by one version of streamer's model, which learns nothing here."""

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from streamer.registry.frozen_version import FrozenVersion


class Payments(PythonModel):
    def load_context(self, context):
        self.version = FrozenVersion.load(context.artifacts["version"], context.artifacts["settings"])

    def predict(self, context, model_input, params=None):
        return self.version.predict(model_input)


set_model(Payments())
'''

_FIELDS: Final = {
    "transaction_id": ("string", True),
    "card_id": ("string", True),
    "amount": ("double", True),
    "currency": ("string", True),
    "timestamp": ("string", True),
    "merchant_id": ("string", False),
    "mcc": ("string", False),
    "country": ("string", False),
    "latitude": ("double", False),
    "longitude": ("double", False),
    "channel": ("string", False),
}
"""Of the contract (`Transaction`): MLflow's name of the type, and whether a payment must have it."""


def write_model_folder(
    folder: Path, blob: bytes, settings: Mapping[str, str], gate: Mapping[str, Any] | None
) -> None:
    """Write what `mlflow.pyfunc.load_model` loads to ``folder``; imports MLflow."""
    import mlflow
    import yaml
    from mlflow.models import Model

    def write(name: str, text: str) -> None:
        (folder / name).write_text(text, encoding="utf-8")

    (folder / VERSION_FILE).write_bytes(blob)
    write(_SETTINGS_FILE, json.dumps(settings, indent=2) + "\n")
    if gate is not None:
        write(_GATE_FILE, json.dumps(gate, indent=2) + "\n")
    write(_CODE_FILE, _CODE)
    write("requirements.txt", f"mlflow=={mlflow.__version__}\nstreamer-fraud=={__version__}\n")
    write(
        "python_env.yaml",
        yaml.safe_dump(
            {"python": platform.python_version(), "dependencies": ["-r requirements.txt"]}
        ),
    )
    model = Model()
    model.add_flavor(
        "python_function",
        loader_module="mlflow.pyfunc.model",
        model_code_path=_CODE_FILE,
        streamable=False,
        python_version=platform.python_version(),
        env={"virtualenv": "python_env.yaml"},
        artifacts={
            "version": {"path": VERSION_FILE, "uri": VERSION_FILE},
            "settings": {"path": _SETTINGS_FILE, "uri": _SETTINGS_FILE},
        },
    )
    inputs = [
        {"type": kind, "name": name, "required": is_required}
        for name, (kind, is_required) in _FIELDS.items()
    ]
    outputs = [{"type": k, "name": n, "required": n == "refused"} for n, k in COLUMNS.items()]
    content = model.to_dict() | {
        "signature": {
            "inputs": json.dumps(inputs),
            "outputs": json.dumps(outputs),
            "params": None,
        }
    }
    write("MLmodel", yaml.safe_dump(content))
