"""Spark Structured Streaming on local[2]: JSON decoded by Spark, a streaming k-means in `foreachBatch`.

Cards are a dict of the driver: Spark's own state per key in Python costs a process and a group each.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from job import Card, Count, Job, alert_of, visit
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, from_json
from row_clusters import THRESHOLD, RowClusters

_SCHEMA = (
    "transaction_id STRING, card_id STRING, amount DOUBLE, timestamp STRING, "
    "latitude DOUBLE, longitude DOUBLE"
)
# Of one micro-batch, all partitions together.
_AT_ONCE = 20_000

job = Job.from_environment()
count, rows = Count(job.count), RowClusters()
cards: dict[str, Card] = {}


def score(batch: DataFrame, _number: int) -> None:
    """Score and learn one micro-batch, and write its alerts."""
    # None in place of NaN where a payment has no place.
    payments = batch.toPandas().astype(object)
    found: list[dict[str, Any]] = payments.where(payments.notna(), None).to_dict("records")
    if not found:
        return
    visits = []
    for payment in found:
        card, x = visit(cards.get(payment["card_id"]), payment)
        cards[payment["card_id"]] = card
        visits.append((card, x))
    scores = rows.score(np.array([x for _, x in visits]))
    told = [
        (found[i]["card_id"], json.dumps(alert_of(found[i], visits[i][0], float(scores[i]))))
        for i in np.flatnonzero(scores > THRESHOLD)
    ]
    if told:
        alerts = batch.sparkSession.createDataFrame(told, "key STRING, value STRING")
        written = alerts.write.format("kafka").option("kafka.bootstrap.servers", job.broker)
        written.option("topic", job.alerts).save()
    count.add(len(found))


def main() -> None:
    """Score until the process is told to end."""
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars", os.environ["PEER_JARS"])
        .config("spark.driver.memory", "2g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.local.dir", str(job.folder))
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", job.broker)
        .option("subscribe", job.topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", _AT_ONCE)
        .load()
    )
    payments = records.select(from_json(col("value").cast("string"), _SCHEMA).alias("p"))
    writing = payments.select("p.*").writeStream.foreachBatch(score)
    writing.option("checkpointLocation", str(job.folder / "checkpoints")).start().awaitTermination()


if __name__ == "__main__":
    main()
