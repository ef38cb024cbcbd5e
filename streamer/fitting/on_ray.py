"""Work on a Ray cluster: `streamer.fitting.executing` over its tasks and actors.

Needs the extra `ray`, which is imported when `on_ray` is entered, and at no other time.  The cluster's
machines need streamer installed, and the files by the same path or address.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final, TypeVar

from streamer.errors import ConfigurationError, StreamerError, UnavailableError
from streamer.extra import require
from streamer.silence import tell_nobody

__all__ = ["LOCAL", "on_ray"]

_T = TypeVar("_T")
_R = TypeVar("_R")

LOCAL: Final = "local"
"""The address of a Ray that is started for one command, on this machine."""
# On the loopback interface; 127.0.0.1 Ray would replace by an address that others reach.
_ALONE: Final = {"include_dashboard": False, "_node_ip_address": "127.0.0.2"}
_CONNECT_TIMEOUT_S: Final = 5.0


class _OnRay:
    def __init__(self, ray: ModuleType) -> None:
        self._ray = ray
        # Workers hold no processor while they wait for one another, so that tasks find one.
        self._kinds: dict[Callable[..., Any], Any] = {}
        self.n_workers = max(1, int(ray.cluster_resources().get("CPU", 1)))

    def map(
        self, function: Callable[[_T, Any], _R], items: Sequence[_T], shared: Any
    ) -> Iterator[_R]:
        run, told = self._ray.remote(function), self._ray.put(shared)
        for reference in [run.remote(item, told) for item in items]:
            yield self.got([reference])[0]

    def parts(
        self,
        function: Callable[[_T, Any], tuple[Any, ...]],
        items: Sequence[_T],
        shared: Any,
        n: int,
    ) -> list[list[Any]]:
        run, told = self._ray.remote(function).options(num_returns=n), self._ray.put(shared)
        return [run.remote(item, told) for item in items]

    def worker(self, kind: Callable[..., Any], *arguments: Any) -> Any:
        return self._ray.remote(kind).options(num_cpus=0).remote(*arguments)

    def ask(self, worker: Any, method: str, *arguments: Any) -> Any:
        return getattr(worker, method).remote(*arguments)

    def got(self, handles: Sequence[Any]) -> list[Any]:
        exceptions = self._ray.exceptions
        try:
            results: list[Any] = self._ray.get(list(handles))
        except exceptions.RayTaskError as error:
            if isinstance(error.cause, StreamerError):
                raise error.cause from None
            raise
        except exceptions.RayError as error:
            raise UnavailableError(f"Ray must finish what it began, got {_line(error)}") from None
        return results


@contextmanager
def on_ray(address: str) -> Iterator[_OnRay]:
    """Yield an executor on the cluster at ``address``: ``host:port``, or `LOCAL` for one of its own.

    Raises `UnavailableError` where nobody answers there.
    """
    tell_nobody()
    if address != LOCAL:
        _require_listener(address)
    require("ray")
    import ray

    if address != LOCAL:
        _require_grpc(address)
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            **(_ALONE if address == LOCAL else {}),
        )
    except Exception as error:  # Ray raises whatever it meets, also a bare `Exception`.
        raise UnavailableError(f"Ray must answer at {address}, got {_line(error)}") from None
    try:
        yield _OnRay(ray)
    finally:
        ray.shutdown()


def _require_grpc(address: str) -> None:
    """Ask whether who listens speaks gRPC: for somebody else Ray would wait for ever."""
    import grpc
    from ray._private.grpc_utils import init_grpc_channel

    # With TLS where Ray's variables say so.
    with init_grpc_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=_CONNECT_TIMEOUT_S)
        except grpc.FutureTimeoutError:
            raise UnavailableError(
                f"Ray must answer at {address}, got a listener that is silent or no Ray"
            ) from None


def _require_listener(address: str) -> None:
    """Ask whether anybody listens, since Ray itself asks for half a minute."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) >= 1 << 16:
        raise ConfigurationError(
            f"--ray must be an address of the form host:port, got {address}; "
            "without one, put it last or before another option"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise UnavailableError(
            f"Ray must answer at {address}, got {error.strerror or error}"
        ) from None


def _line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
