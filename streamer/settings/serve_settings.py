"""The settings of ``streamer serve``, beside those that all processes share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from streamer.settings.proxy_networks import check_networks
from streamer.settings.secret_checks import long_keys
from streamer.settings.settings import Count, Directory, Fields, Seconds, Topic

__all__ = ["ServeFields"]


class ServeFields(Fields):
    """Where requests are answered, how many and how fast, and from which branch of the model."""

    tenants_dir: Directory | None = None
    """When set, directory with a file NAME.env for each tenant that `streamer serve` and `streamer
    console` answer for: lines STREAMER_...=value, which count for it in place of the process's own."""
    serve_host: str = Field("127.0.0.1", min_length=1)
    """Address that `streamer serve` answers on; who may ask can learn how to stay below the line."""
    serve_port: int = Field(8082, ge=1, le=65_535)
    """Port of the same."""
    serve_grpc_port: int = Field(8083, ge=0, le=65_535)
    """Port of the same over gRPC; 0 serves none of it."""
    serve_api_keys: Annotated[SecretStr, AfterValidator(long_keys)] | None = None
    """When set, requests to `streamer serve` must carry one of these, separated by commas:
    Authorization: Bearer KEY. If they are in the secrets directory, they may change while it runs."""
    serve_max_in_flight: Count = 1_000
    """Payments that `streamer serve` answers at once; a request whose body is being read counts as one.
    Requests beyond that get 429."""
    serve_rate: int = Field(0, ge=0)
    """Payments a second that one client, a key or else an address, may ask about; 0 limits nobody."""
    serve_burst: Count = 1_000
    """Payments that a client may ask about at once, after a while of silence."""
    serve_total_rate: int = Field(0, ge=0)
    """Payments a second that all clients together may ask about (for a tenant: its quota), and as many
    at once as STREAMER_SERVE_BURST; 0 limits nobody."""
    serve_trusted_proxies: Annotated[str, AfterValidator(check_networks)] | None = None
    """Addresses and networks of proxies, separated by commas, whose X-Forwarded-For says which address
    asks: 10.0.0.7,192.0.2.0/24. Without it, the one that the connection comes from."""
    serve_max_batch: Count = 1_000
    """Payments that one request may ask about."""
    serve_max_body_bytes: int = Field(1_048_576, ge=1_024)
    """Largest body of a request, in bytes. All bodies together may hold 64 times as much; requests
    beyond that get 429."""
    serve_deadline_s: Seconds = 1.0
    """Seconds after which an answer comes too late: the request gets 503."""
    serve_without_state: Literal["model", "refuse"] = "model"
    """What `streamer serve` does while Redis is away. model: it answers as if it knew no card, and says
    so; refuse: it answers 503."""
    serve_branch: Literal["head", "canary"] = "head"
    """Which branch of the model `streamer serve` answers from. head: the head; canary: the canary while
    there is one, else the head."""
    serve_decisions_topic: Topic | None = None
    """When set, topic that `streamer serve` writes every answer it gave to, for `streamer skew`."""
