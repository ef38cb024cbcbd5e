"""The Argo Workflow of a retraining, by Hera.

`python ops/argo/workflow.py > ops/argo/streamer-retrain.yaml` writes it.  Each step is one command of
`streamer` in the service's image, with its settings from the config map that ops/kubernetes has, and
from a secret of the same name where there is one.  The claim `streamer-work` has past payments and the
policy; on it the version is handed on as a file, and its id as an output.
"""

from __future__ import annotations

from hera.workflows import DAG, Container, Parameter, Workflow, models
from hera.workflows.models import ValueFrom

IMAGE = "streamer:latest"
FOLDER = "/models"
PAYMENTS = "{{workflow.parameters.payments}}"
POLICY = "{{workflow.parameters.policy}}"
NAME = "{{workflow.parameters.name}}"
VERSION = "{{inputs.parameters.version}}"
MODEL = f"{FOLDER}/model.safetensors"

COMMANDS = {
    "retrain": [
        "retrain", "--from", PAYMENTS, "--policy", POLICY, "--name", NAME, "--out", MODEL,
        "--id-to", f"{FOLDER}/version", "--if-drifted",
    ],
    "gate": ["gate", MODEL, "--payments", PAYMENTS, "--policy", POLICY],
    "challenge": ["challenger", "start", NAME, "--version", MODEL],
    "canary": [
        "model", "promote", VERSION, "--payments", PAYMENTS, "--policy", POLICY, "--canary", "2",
        "--for", "10m",
    ],
    "promote": ["model", "promote", VERSION, "--payments", PAYMENTS, "--policy", POLICY],
}  # fmt: skip


def _step(name: str, *, has_version: bool = True) -> Container:
    """Return the container of a command; all but the first get the version's id."""
    inputs = [Parameter(name="version")] if has_version else []
    given = Parameter(name="version", value_from=ValueFrom(path=f"{FOLDER}/version"))
    return Container(
        name=name,
        image=IMAGE,
        command=["streamer"],
        args=COMMANDS[name],
        inputs=inputs,
        outputs=[] if has_version else [given],
        env_from=[
            models.EnvFromSource(config_map_ref=models.ConfigMapEnvSource(name="streamer")),
            models.EnvFromSource(secret_ref=models.SecretEnvSource(name="streamer", optional=True)),
        ],
        volume_mounts=[models.VolumeMount(name="work", mount_path=FOLDER)],
    )


def workflow() -> Workflow:
    """Return the workflow."""
    work = models.Volume(
        name="work",
        persistent_volume_claim=models.PersistentVolumeClaimVolumeSource(
            claim_name="streamer-work"
        ),
    )
    with Workflow(
        generate_name="streamer-retrain-",
        entrypoint="lifecycle",
        arguments=[
            Parameter(name="payments", value=f"{FOLDER}/payments.parquet"),
            Parameter(name="policy", value=f"{FOLDER}/gate.toml"),
            Parameter(name="name", value="nightly"),
            Parameter(name="then", value="challenge"),
        ],
        volumes=[work],
    ) as made:
        steps = {name: _step(name, has_version=name != "retrain") for name in COMMANDS}
        with DAG(name="lifecycle"):
            retrain = steps["retrain"](name="retrain")
            version = {"version": "{{tasks.retrain.outputs.parameters.version}}"}
            gate = steps["gate"](name="gate", arguments=version)
            # Without drift there is no version, and nothing follows.
            gate.when = "'{{tasks.retrain.outputs.parameters.version}}' != ''"
            retrain >> gate
            for name in ("challenge", "canary", "promote"):
                then = steps[name](name=name, arguments=version)
                then.when = f"'{{{{workflow.parameters.then}}}}' == '{name}'"
                gate.on_success(then)
    return made


if __name__ == "__main__":
    print(workflow().to_yaml(), end="")
