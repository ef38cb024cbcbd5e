"""The arithmetic of `load.serve`; a server that stands still is seen by all who came meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from load.answer_times import Asked, Percentiles, Tally, due_by, due_s, percentile
from load.asking import Plan, carry_out
from load.serve_rivals import times_the_better
from tests.rig.waiting import DEADLINE_S

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
_REFUSAL = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n"


def test_percentiles_are_values_that_were_measured() -> None:
    """Of 1 to 200 ms in any order the 100th, 190th and 198th."""
    assert Percentiles.of([ms / 1e3 for ms in range(200, 0, -1)]) == Percentiles(
        100.0, 190.0, 198.0, 200.0
    )
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7.0
    assert Percentiles.of([]) == Percentiles(None, None, None, None)


def test_a_request_is_due_by_its_number_alone() -> None:
    """At 40 a second the 11th is due 250 ms after the first; then eleven are due, and one before."""
    assert due_s(10, 40.0) == 0.25
    assert [due_by(0.25, 40.0), due_by(0.2499, 40.0), due_by(0.0, 40.0)] == [11, 10, 1]


def test_answers_refusals_and_who_was_late_are_counted_apart() -> None:
    """Three answers of 10 payments in 2 s, one of them after the deadline of 1 s; two refusals."""
    tally = Tally(n_payments=10, deadline_s=1.0)
    for status, took_s in ((200, 0.002), (429, 0.001), (200, 1.5), (503, 1.0), (200, 0.004)):
        tally.note(status, took_s)
    asked = tally.result(2.0)
    assert (asked.n_answered, asked.n_late, asked.n_refused) == (3, 1, {"429": 1, "503": 1})
    assert asked.answers_per_s == 15.0
    assert asked.refused_share == 0.4
    assert (asked.answers.p50, asked.refusals.p50) == (4.0, 1.0)


def test_a_ratio_is_to_the_better_one_by_medians() -> None:
    """10, 20 and 90 beside 4, 5, 6 and 1, 8, 9: 20 / 8."""

    def asked(*rates: float) -> list[Asked]:
        nothing = Tally(1, 1.0).result(1.0)
        return [replace(nothing, answers_per_s=rate) for rate in rates]

    found = {
        "streamer, batches of 1": asked(10, 20, 90),
        "a, batches of 1": asked(4, 5, 6),
        "b, batches of 1": asked(1, 8, 9),
        "b, batches of 100": asked(1, 8, 900),
    }
    assert times_the_better(found, 1) == 2.5


@pytest.mark.parametrize("answer", [_ANSWER, _REFUSAL])
def test_who_waits_for_a_server_that_stands_still_is_measured_from_when_it_was_due(
    answer: bytes,
) -> None:
    """It answers nobody before the last of 20, due 95 ms after the first, has come."""
    waiting: list[asyncio.StreamWriter] = []

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"payment")
        waiting.append(writer)
        if len(waiting) == 20:
            for each in waiting:
                each.write(answer)

    async def run() -> Asked:
        server = await asyncio.start_server(come, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        plan = Plan("http", port, "/", "", 1, 1, 0.1, per_second=200.0, warm_s=0.0)
        async with server, asyncio.timeout(DEADLINE_S):
            asked = await carry_out(plan, [b"payment"])
            for writer in waiting:
                writer.close()
                await writer.wait_closed()
            return asked

    asked = asyncio.run(run())
    took = asked.answers if answer is _ANSWER else asked.refusals
    assert took.longest >= 95.0
    # The ninth from the end was due 50 ms before the last.
    assert took.p50 >= 45.0
