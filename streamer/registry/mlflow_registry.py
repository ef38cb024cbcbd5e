"""MLflow's model registry: each version once, with aliases and where it comes from.

Invariants:
* A version is registered when all of it has been uploaded; what fails before leaves no version behind.
* What is pulled has the content that its id says, or it is refused.
* Every request has a limit: MLflow's own would let a command wait for minutes.
"""

from __future__ import annotations

import contextlib
import logging
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from streamer.errors import ConfigurationError, UnavailableError, UnknownVersionError
from streamer.extra import require
from streamer.registry.model_folder import VERSION_FILE, write_model_folder
from streamer.silence import tell_nobody

__all__ = ["ID_TAG", "Alias", "MlflowRegistry", "Place", "Pushed"]

Alias = Literal["champion", "challenger"]
ID_TAG: Final = "streamer.version"
_PLACE: Final = re.compile(r"(?P<name>[^@/:]+)(?:@(?P<alias>[\w.-]+)|/(?P<number>\d+))")
_REQUEST_TIMEOUT_S: Final = 10
_RETRIES: Final = 2
_BACKOFF_FACTOR: Final = 1


class Place(NamedTuple):
    """A registered version: of a model's name, an alias or a number."""

    name: str
    alias: str | None
    number: str | None

    @classmethod
    def of(cls, text: str) -> Place:
        """Return the place that a person names.

        >>> Place.of("streamer@champion").alias, Place.of("streamer/3").number
        ('champion', '3')
        """
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ConfigurationError(f"version must be NAME@ALIAS or NAME/NUMBER, got {text}")
        return cls(found["name"], found["alias"], found["number"])


@dataclass(frozen=True, slots=True)
class Pushed:
    """Where a version is registered; ``is_new`` is False where it had been already."""

    name: str
    number: str
    is_new: bool


class MlflowRegistry:
    """The registry of the server at ``uri``.  Raises `UnavailableError` when it does not answer."""

    def __init__(self, uri: str) -> None:
        tell_nobody()
        require("mlflow")
        import mlflow
        from mlflow import environment_variables as variables

        for variable, value in (
            (variables.MLFLOW_HTTP_REQUEST_TIMEOUT, _REQUEST_TIMEOUT_S),
            (variables.MLFLOW_HTTP_REQUEST_MAX_RETRIES, _RETRIES),
            (variables.MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR, _BACKOFF_FACTOR),
            (variables.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR, False),
        ):
            if not variable.is_set():
                variable.set(value)
        # What a command has to say is one line.
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        self._uri = uri
        self._mlflow = mlflow
        self._client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)

    @contextmanager
    def _answering(self, wanted: str = "") -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            code = error.error_code
            if code == "RESOURCE_DOES_NOT_EXIST" or "not found" in str(error):
                raise UnknownVersionError(f"{wanted} must be registered at {self._uri}") from None
            if code == "INVALID_PARAMETER_VALUE":
                raise ConfigurationError(f"MLflow at {self._uri} said: {_line(error)}") from None
            raise UnavailableError(
                f"MLflow must answer at {self._uri}, got {_line(error)}"
            ) from None
        except OSError as error:  # The errors of requests, and of the network below it.
            raise UnavailableError(
                f"MLflow must answer at {self._uri}, got {_line(error)}"
            ) from None

    def push(
        self,
        name: str,
        blob: bytes,
        *,
        settings: Mapping[str, str],
        tags: Mapping[str, str],
        metrics: Mapping[str, float],
        gate: Mapping[str, Any] | None,
        alias: Alias | None,
    ) -> Pushed:
        """Register ``blob`` under ``name``, unless a version of the same id is, and set ``alias``.

        ``tags`` have the id as `ID_TAG`; they are set on a version that is there as well.
        """
        with self._answering(name):
            self._registered(name)
            number = self._number_of(name, tags[ID_TAG])
            is_new = number is None
            if number is None:
                number = self._upload(name, blob, settings, tags, metrics, gate)
            else:
                for key, value in tags.items():
                    self._client.set_model_version_tag(name, number, key, value)
            if alias is not None:
                self._client.set_registered_model_alias(name, alias, number)
        return Pushed(name, number, is_new)

    def _registered(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _number_of(self, name: str, version_id: str) -> str | None:
        quoted = name.replace("'", "\\'")
        found = self._client.search_model_versions(
            f"name='{quoted}' and tags.`{ID_TAG}`='{version_id}'"
        )
        return str(found[0].version) if found else None

    def _upload(
        self,
        name: str,
        blob: bytes,
        settings: Mapping[str, str],
        tags: Mapping[str, str],
        metrics: Mapping[str, float],
        gate: Mapping[str, Any] | None,
    ) -> str:
        client = self._client
        experiment = client.get_experiment_by_name(name)
        place = client.create_experiment(name) if experiment is None else experiment.experiment_id
        run = client.create_run(place, run_name=tags[ID_TAG][:12], tags=dict(tags))
        run_id = run.info.run_id
        try:
            with tempfile.TemporaryDirectory(prefix="streamer-") as folder:
                write_model_folder(Path(folder), blob, settings, gate)
                client.log_artifacts(run_id, folder, "model")
            for key, value in metrics.items():
                client.log_metric(run_id, key, value)
            client.set_terminated(run_id)
            source = f"{run.info.artifact_uri}/model"
            made = client.create_model_version(
                name, source, run_id, tags=dict(tags), await_creation_for=0
            )
        except BaseException:
            # Nothing is registered: the run has half of it, or all, and nobody asked for that.
            with contextlib.suppress(Exception):
                client.delete_run(run_id)
            raise
        return str(made.version)

    def pull(self, place: Place) -> tuple[bytes, str, str]:
        """Return the file that is registered at ``place``, the id that it must have, and its number."""
        client = self._client
        wanted = place.name + (f"@{place.alias}" if place.alias else f"/{place.number}")
        with self._answering(wanted), tempfile.TemporaryDirectory(prefix="streamer-") as folder:
            if place.alias is not None:
                found = client.get_model_version_by_alias(place.name, place.alias)
            else:
                found = client.get_model_version(place.name, place.number)
            source = client.get_model_version_download_uri(place.name, found.version)
            path = self._mlflow.artifacts.download_artifacts(
                artifact_uri=f"{source}/{VERSION_FILE}", dst_path=folder, tracking_uri=self._uri
            )
            blob = Path(path).read_bytes()
        if ID_TAG not in found.tags:
            raise ConfigurationError(
                f"{wanted} must have been pushed by `streamer model push`, got a model without the tag "
                f"{ID_TAG}"
            )
        return blob, found.tags[ID_TAG], str(found.version)


def _line(error: BaseException) -> str:
    """Return what went wrong last, which requests put into the error's text more than once."""
    text = " ".join(str(error).split())
    refused = re.search(r"Connection refused|timed out|Name or service not known", text)
    return refused[0] if refused else text[:200]
