"""What a card takes, by hand, and a run with few cards."""

from __future__ import annotations

from itertools import islice

import orjson

from load.brokers import running
from load.memory import measure
from load.memory_figures import Held, Phase, markdown, per_card
from load.numbered import Numbered
from load.resident import Memory


def phase(resident: int, redis_used: int) -> Phase:
    return Phase(
        seconds=10.0,
        cpu_us_per_payment=20.0,
        memory=Memory(resident, resident - 100, resident + 100),
        most_resident=resident + 50,
        redis_used=redis_used,
        redis_resident=redis_used + 10,
        redis_fragmentation=1.03,
        batch_p50_s=0.01,
        batch_p99_s=0.1,
        batch_longest_s=None,
        lag_longest_s=0.005,
    )


def held(n_cards: int, resident: int, redis_used: int) -> Held:
    return Held(
        n_cards=n_cards,
        n_held=n_cards,
        n_payments=2 * n_cards,
        n_left=7,
        table_bytes=230 * n_cards,
        filling=phase(resident, redis_used),
        evicting=phase(resident + 9_000, redis_used),
    )


FEW, MANY = held(1_000, 1_000_000, 500_000), held(10_000, 3_250_000, 2_750_000)


def test_what_a_card_takes_is_the_difference_of_two_numbers_of_cards() -> None:
    """9,000 more cards take 2,250,000 bytes more, in Redis too."""
    assert per_card([FEW, MANY]) == {
        "10,000": {"worker": 250.0, "worker, with eviction": 250.0, "table": 230.0, "Redis": 250.0}
    }
    assert per_card([FEW]) == {}


def test_the_table_has_a_column_for_each_number_of_cards() -> None:
    lines = markdown([FEW, MANY]).splitlines()
    assert lines[0] == "| cards | 1,000 | 10,000 |"
    assert "| worker, all held: resident, MB | 1 | 3 |" in lines
    assert "| bytes a card beyond 1,000: worker |  | 250 |" in lines
    assert "| batch, all held: p50, p99, longest, ms | 10.0, 100.0,  | 10.0, 100.0,  |" in lines
    assert {line.count("|") for line in lines} == {4}
    assert len(markdown([FEW]).splitlines()) == len(lines) - 4


def test_numbered_payments_are_of_as_many_cards_and_no_payment_comes_again() -> None:
    """A card that pays again does so as it did; the 10,000 that are simulated are taken anew."""
    payments = Numbered()
    records = [orjson.loads(value) for _, value in payments.records(range(20_003), n_cards=10_001)]
    assert len({each["transaction_id"] for each in records}) == 20_003
    assert len({each["card_id"] for each in records}) == 10_001
    names = "transaction_id", "card_id"
    rest = [{k: v for k, v in each.items() if k not in names} for each in records]
    assert rest[0] == rest[10_000] == rest[10_001]
    keys = [key for key, _ in islice(payments.records(range(5)), 2)]
    assert keys == [b"card-000000000", b"card-000000001"]


def test_cards_leave_a_worker_that_holds_as_many_as_it_may() -> None:
    """4,000 cards, and 3,000 more; where something of those that leave is lost, `measure` says so."""
    with running("embedded") as address:
        found = measure(address, 4_000, least=24_000)
    assert found.n_held == 4_000
    assert found.n_left > 1_000
    assert found.filling.memory.resident > 100_000_000
    assert found.evicting.redis_used > found.filling.redis_used
