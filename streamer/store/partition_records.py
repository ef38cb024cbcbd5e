"""What is stored of partitions, read without claiming them."""

from __future__ import annotations

from streamer.contract.ledger import Ledger
from streamer.store.client import Client
from streamer.store.keys import split_partition
from streamer.store.stored import PartitionRecord, partition_record

__all__ = ["partition", "partitions", "totals"]


async def partition(client: Client, topic: str, number: int) -> PartitionRecord:
    """Return what is stored of a partition, without claiming it."""
    key = client.keys.partition(topic, number)
    [stored] = await client.pipelined([("HGETALL", key)], atomic=False)
    return partition_record(stored, key)


async def partitions(client: Client) -> dict[tuple[str, int], PartitionRecord]:
    """Return the record of every partition that was ever claimed, in the order of their names."""
    [members] = await client.pipelined([("SMEMBERS", client.keys.partitions)], atomic=False)
    names = sorted(split_partition(member, client.keys.partitions) for member in members)
    replies = await client.pipelined(
        [("HGETALL", client.keys.partition(*name)) for name in names], atomic=True
    )
    return {
        name: partition_record(reply, client.keys.partition(*name))
        for name, reply in zip(names, replies, strict=True)
    }


async def totals(client: Client) -> Ledger:
    """Return the sum of all ledgers; partitions of feedback have none."""
    records = (await partitions(client)).values()
    return sum((record.ledger for record in records), start=Ledger())
