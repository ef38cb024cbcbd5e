"""The examples of `ops/access`, as rules of Redis and bindings of Kafka."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

__all__ = ["ACCESS", "kafka_bindings", "redis_users", "say_users"]

ACCESS: Final = Path(__file__).resolve().parents[2] / "ops" / "access"

_OPERATIONS: Final = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}
_PATTERNS: Final = {
    "literal": ResourcePatternType.LITERAL,
    "prefixed": ResourcePatternType.PREFIXED,
}


def redis_users(namespace: str) -> dict[str, list[str]]:
    """Return the rules of each user but the default one, for a namespace."""
    text = (ACCESS / "redis.acl").read_text()
    found = {}
    for line in text.replace("{default}", f"{{{namespace}}}").splitlines():
        # A selector in parentheses is one rule.
        _, name, rules = line.split(" ", 2)
        parts, _, selector = rules.partition(" (")
        found[name] = parts.split() + ([f"({selector}"] if selector else [])
    del found["default"]
    return found


def say_users(client: object, namespace: str, passwords: Mapping[str, str]) -> None:
    """Make the users at a Redis, with these passwords."""
    for name, rules in redis_users(namespace).items():
        told = ("ACL", "SETUSER", name, "reset", *rules, f">{passwords[name]}")
        client.execute_command(*told)  # type: ignore[attr-defined]


def kafka_bindings(variables: Mapping[str, str], folder: Path) -> list[AclBinding]:
    """Return what ``kafka-acls.sh`` says to Kafka's own command, which is played here.

    The arguments are taken as that command takes them, by a parser that knows no others.
    """
    said = folder / "said"
    played = folder / "kafka-acls"
    played.write_text(f'#!/bin/sh\necho "$@" >> "{said}"\n')
    played.chmod(0o755)
    env = {"PATH": os.environ["PATH"], "KAFKA_ACLS": str(played), **variables}
    subprocess.run(
        [str(ACCESS / "kafka-acls.sh")], env=env, check=True, stdout=sys.stdout, timeout=60
    )
    return [binding for line in said.read_text().splitlines() for binding in _bindings(line)]


def _bindings(line: str) -> list[AclBinding]:
    told = _parser().parse_args(line.split())
    assert told.add, line
    assert told.topic or told.group, line
    pattern = _PATTERNS[told.resource_pattern_type]
    resources = [(ResourceType.TOPIC, name) for name in told.topic]
    resources += [(ResourceType.GROUP, name) for name in told.group]
    return [
        AclBinding(
            kind, name, pattern, told.allow_principal, "*", operation, AclPermissionType.ALLOW
        )
        for kind, name in resources
        for operation in map(_OPERATIONS.__getitem__, told.operation)
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--command-config")
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", action="append", default=[], choices=_OPERATIONS)
    parser.add_argument("--topic", action="append", default=[])
    parser.add_argument("--group", action="append", default=[])
    parser.add_argument("--resource-pattern-type", default="literal", choices=_PATTERNS)
    return parser
