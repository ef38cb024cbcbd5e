"""What is too large, too deep, too slow or no payment is refused early, and in words."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from streamer.contract.batch import Batch, StoredRecord
from streamer.intake.decoding import decode_batch
from streamer.serving import http_requests
from streamer.serving.tensors import INPUTS
from streamer.web import header_limits
from tests.rig.waiting import DEADLINE_S
from tests.serving.stored_service import StoredService
from tests.serving.test_native_door import Door, served

INFER = "/v2/models/streamer/infer"
DOORS = pytest.mark.parametrize("path", ["/v1/score", INFER, "/invocations"])
INVALID = Path(__file__).parents[2] / "schemas/examples/transaction/invalid"
TEN_MB = 10_000_000


@pytest.fixture(scope="module")
def door(service: StoredService) -> Iterator[Door]:
    with served(service.settings) as made:
        yield made


def sent(door: Door, content: bytes, chunks: Iterable[bytes] = ()) -> tuple[int, bytes]:
    """Return status and the rest of what comes back until the connection is closed."""
    with closing(socket.create_connection(("127.0.0.1", door.port), DEADLINE_S)) as connection:
        connection.sendall(content)
        with suppress(BrokenPipeError, ConnectionResetError):
            for chunk in chunks:
                connection.sendall(chunk)
        answer = b""
        with suppress(ConnectionResetError):
            while received := connection.recv(65_536):
                answer += received
    return int(answer.split()[1]), answer


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


@DOORS
def test_of_ten_megabytes_that_are_announced_none_is_waited_for(door: Door, path: str) -> None:
    status, answer = sent(door, head(path, f"Content-Length: {TEN_MB}"))
    assert status == 413
    assert b"body must have at most 1,048,576 bytes, got more" in answer


@DOORS
def test_of_ten_megabytes_that_are_not_announced_no_more_than_a_tenth_is_taken(
    door: Door, path: str
) -> None:
    n_sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal n_sent
        while n_sent < TEN_MB:
            yield b"10000\r\n" + b" " * 65_536 + b"\r\n"
            n_sent += 65_536
            # What is read next is what came before the answer, if there is one.
            time.sleep(0.005)

    status, _ = sent(door, head(path, "Transfer-Encoding: chunked"), chunks())
    assert status == 413
    assert n_sent < TEN_MB


@DOORS
@pytest.mark.parametrize("deep", [b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"[" * 10_000])
def test_ten_thousand_levels_are_no_payment(door: Door, path: str, deep: bytes) -> None:
    status, told, _ = door.ask(path, deep)
    assert status in (400, 422)
    assert told


def test_a_payment_that_is_nested_too_deep_spoils_no_other(
    door: Door, following: list[tuple[bytes, bytes]]
) -> None:
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    status, told, _ = door.ask("/v1/score", b"[" + following[0][1] + b"," + deep + b"]")
    assert status == 200
    assert "answer" in told[0]
    assert told[1]["error"]["reason"] in ("nested_too_deep", "missing_field")


@DOORS
def test_a_body_that_comes_too_slowly_is_given_up(
    door: Door, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_requests, "_BODY_WITHIN_S", 0.3)

    def drops() -> Iterator[bytes]:
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            yield b" "
            time.sleep(0.05)

    status, answer = sent(door, head(path, "Content-Length: 10000"), drops())
    assert status == 408
    assert b"body must come within 0.3 s" in answer


def test_headers_that_come_too_slowly_or_without_end_are_given_up(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_limits, "HEAD_WITHIN_S", 0.3)
    assert sent(door, b"POST /v1/score HTTP/1.1\r\nHost: x\r\n")[0] == 408
    # And of a second request on a connection that had an answer.
    first = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    _, answer = sent(door, first, iter([b"GET /healthz HTTP/1.1\r\n"]))
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 408" in answer
    endless = (b"X-%d: %s\r\n" % (i, b"y" * 1_000) for i in range(10_000))
    assert sent(door, b"POST /v1/score HTTP/1.1\r\n", endless)[0] == 431


@DOORS
def test_a_body_of_another_kind_is_not_read(door: Door, path: str) -> None:
    for kind in (
        "text/csv",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ):
        status, answer = sent(door, head(path, f"Content-Type: {kind}", "Content-Length: 9"))
        assert (status, b"Content-Type must be application/json" in answer) == (415, True)
    assert door.ask(path, b"{}", Content_Type="application/json; charset=utf-8")[0] in (400, 422)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_know_are_no_amounts(
    door: Door, following: list[tuple[bytes, bytes]], number: str
) -> None:
    payment = json.loads(following[0][1]) | {"amount": 0}
    body = json.dumps(payment).replace('"amount": 0', f'"amount": {number}').encode()
    status, told, _ = door.ask("/v1/score", body)
    assert status in (400, 422)
    assert told["error"]["detail"]
    frame = b'{"dataframe_records": [' + body + b"]}"
    status, told, _ = door.ask("/invocations", frame)
    assert status == 400 or told["predictions"][0]["error"]["detail"]


def test_an_amount_of_a_tensor_that_is_no_number_is_told_by_its_path(
    door: Door, following: list[tuple[bytes, bytes]]
) -> None:
    payment = json.loads(following[0][1])
    inputs = [
        {"name": name, "datatype": kind, "shape": [2], "data": [payment[name]] * 2}
        for name, kind in INPUTS.items()
        if name in payment
    ]
    [amounts] = [each for each in inputs if each["name"] == "amount"]
    amounts["data"] = [payment["amount"], 1e300]
    status, told, _ = door.ask(INFER, json.dumps({"inputs": inputs}).encode())
    error: list[Any] = next(e["data"] for e in told["outputs"] if e["name"] == "error")
    assert (status, error[0], error[1][:10]) == (200, "", "$.amount: ")


def test_a_payment_is_refused_by_the_words_of_its_dead_letter(
    door: Door, service: StoredService
) -> None:
    values = [path.read_bytes() for path in sorted(INVALID.glob("*.json"))]
    now_ms = time.time_ns() // 1_000_000
    records = [StoredRecord(i, now_ms, None, value) for i, value in enumerate(values)]
    batch = Batch("transactions", 0, records, now_ms)
    letters = decode_batch(batch, service.config.believable).dead_letters
    wanted = {each.record.offset: (each.reason, each.path, each.detail) for each in letters}
    assert len(wanted) > 10
    for i, told in wanted.items():
        status, found, _ = door.ask("/v1/score", values[i])
        error = found["error"]
        assert (status, error["reason"], error["path"], error["detail"]) == (422, *told)
    status, several, _ = door.ask("/v1/score", b"[" + b",".join(values) + b"]")
    assert status == 200
    refused = {i: each["error"] for i, each in enumerate(several) if "error" in each}
    # What the stream passes over without a word, such as a refund, is refused here too.
    told = {i: e["detail"] for i, e in refused.items() if e["reason"] != "passed_over"}
    assert told == {i: detail for i, (_, _, detail) in wanted.items()}
