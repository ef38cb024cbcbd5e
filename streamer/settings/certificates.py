"""Certificates of a TLS client, tried before anything connects: files that are none, a key of another.

A client that finds out later does so at its first request, or asks a terminal for a password.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from streamer.settings.settings import Fields

__all__ = ["certificate_breaches"]


def certificate_breaches(
    settings: Fields, ca: str, certificate: str, key: str, password: str
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with the files at these settings, each with the settings it concerns."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca_file, certificate_file, key_file = (getattr(settings, n) for n in (ca, certificate, key))
    secret = getattr(settings, password)
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ValueError):
            yield (ca,), f"must be a PEM file of certificates, got {ca_file}"
    if certificate_file is None:
        return
    try:
        # Without a function OpenSSL would ask the terminal.
        context.load_cert_chain(
            certificate_file,
            key_file,
            lambda: "" if secret is None else secret.get_secret_value(),
        )
    except (OSError, ValueError):
        yield (
            (certificate, key, password),
            "must be a PEM file of a certificate that its key, and the key's password, belong to, "
            f"got {certificate_file}",
        )
