"""Writes ``docs/your-data.md`` from the presets: each layout, how it is recognised, and its lines.

``python -m streamer.pages.your_data_page`` writes it; with ``--check`` it writes nothing and exits with 1 when
the page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from streamer.intake import preset_names, preset_text
from streamer.intake.presets import REFUSED, preset_content
from streamer.pages.page_command import write_or_check

__all__ = ["main", "page"]

_PAGE: Final = Path(__file__).parents[2] / "docs" / "your-data.md"

_HEAD: Final = """\
# Your data

A payment that follows `schemas/transaction.v1.json` needs nothing. Neither does one of which it is clear
what is meant: ids as numbers, a category code without its leading zeros, codes of countries and
currencies by letters of any case or by number, a byte order mark, an optional field that is empty or wrong
(it is left out and counted), a time in any form that has an offset, and the envelopes below. A negative
amount is a refund.

A word for nothing is none: `null`, `None`, `NaN`, `N/A`, `#N/A`, `-`, `(null)`, `\\N`, `undefined` and their like
(as a country `NA` is Namibia). An optional field with one is left out and counted, a required one is refused by name. An id
is opaque text: nothing is trimmed, control characters count as any other and are shown as points; zero bytes alone are no id.
`country` is where the payment is made: that of the card's issuer or its holder belongs nowhere, and `suggest` says so. Where an
object has a key twice the last one counts, on a topic without a word; `try`, `suggest` and the file commands name it.
Messages between accounts (ISO 20022, MT103 and other MT as JSON, NACHA, Fedwire) are refused by their names.

What needs a setting is refused with the line that is missing. The lines go into a TOML file:

    streamer intake suggest payments.jsonl > intake.toml
    streamer intake try payments.jsonl --intake intake.toml

Live, on a topic: `streamer dev --no-traffic --intake intake.toml` starts a broker, Redis and workers that read by it, simulates
no payments, and prints what to export and how to publish. What cannot be read is in `streamer dlq list`; nothing alerts before
5,000 payments.

## What can be declared

A field is a path (`"card.token"`), a list of paths of which the first that is there counts, or a table.
`"date + time"` joins two texts, `$.` starts at the message itself where `each` has gone into a list.

| in every field's table | |
|---|---|
| `path`, `separator` | where it is; what joins the parts of `a + b` |
| `constant`, `default` | the same for all; where there is none |
| `values` | what the producer's words mean: `{ "E-Com" = "ecommerce" }` |
| `position = true` | the message's place stands for an id that it does not have |

| `[amount]` | |
|---|---|
| `unit = "minor"` | whole minor units, by the currency's decimals (ISO 4217); `decimals` for other ones |
| `decimal`, `thousands` | amounts are text with these signs; currency signs are passed over |
| `scale` | Base64 decimals without a schema |
| `negative = "payment"` | negative amounts are the payments, positive ones money back |

| `[timestamp]` | |
|---|---|
| `unit` | a count of `s`, `ms`, `us` or `ns` since 1970, or of any unit, `minute`, `hour` and `day` too, since `origin` |
| `zone` | of times that do not name theirs: `"UTC"`, `"+01:00"`, `"Europe/London"` |
| `format` | `"dmy"`, `"mdy"`, `"ymd"`, `"compact"`, `"iso8583"`, `"rfc2822"`, `"month_name"` (any with the month in letters), or directives such as `"%d-%b-%Y %H:%M"` |

| rules, as `[[refund]]`, `[[only]]`, `[[skip]]`, `[[decline]]` | |
|---|---|
| `path` | whose value decides |
| `one_of`, `none_of`, `starts_with`, `present` | what must hold of it; texts have no case |

Also: `preset` (start from one of those below), `each` (a list in a message), `envelope = "none"`,
`updates`, `snapshots`, and `[schema]` with `file` (`.avsc`, or a Protobuf descriptor set with `message`).

## Envelopes

A payment is found in these without a setting, in one within another too, and refusals name the whole path:

| kind | known |
|---|---|
| change capture | Debezium (flattened too), AWS DMS, GoldenGate, Maxwell, Canal, Qlik Replicate, Striim, SQL Server's `__$operation`, MongoDB's change streams, DynamoDB's streams, CockroachDB's changefeeds, wal2json, Fivetran, Airbyte, Singer |
| events | CloudEvents (its `time` is `ce_time` to a payment without a timestamp), EventBridge, Event Grid, Snowplow, an outbox's `payload`; the event's own time (`occurredOn`, `time`, `eventTime` and the like) can be named as the payment's where that has none |
| queues and functions | Kinesis, Firehose, SQS, SNS, API gateways, CloudWatch's subscriptions, Lambda's Kafka, Pub/Sub, Event Hubs' capture as JSON, Service Bus, IoT Hub, RabbitMQ's management, NATS, Kafka's REST proxy; gzip within Base64 |
| logs | Docker's and Kubernetes's files, Fluentd, Logstash, Filebeat, Google's logging; lines of text among them are passed over |
| forms | Kafka Connect's `schema` and `payload`, arrays, JSON in a string, Base64, a schema registry's framing, DynamoDB's and MongoDB's typed values |

Of a change capture an insert is a payment, and so is a row of a snapshot (`snapshots = "skip"` changes that: a connector
that starts anew sends all rows again). An update is skipped (`updates = "payment"` changes that: for rows that become
payments by an update); so are a deletion and what a replicator says of itself, such as heartbeats and changes of a schema.
An event whose name says refund is a refund, and one whose name says declined, failed or cancelled is declined.
So is a payment that is not wrapped and has the name beside its fields, as `type`, `event`, `event_type`, `eventType`,
`event_name` or `eventName`: `payment.updated` is skipped. A declaration with rules of its own decides that alone, and so
do rules for the rows of a table.
`envelope = "none"` turns all of this off.

## Files

`1.250` alone may be twelve hundred or one and a quarter: where no other amount of the file and no currency tells, such rows are
refused with the line that settles it. Avro files are read by their records, those of Event Hubs Capture by the messages in
their bodies (extra `registry`). What zstd, bzip2 or Avro unpack to must leave a tenth of the free disk.

Format, compression (gzip, zstd, bzip2), encoding, separator, quotes and decimal sign are told by a file's content; its
name decides only where that leaves a doubt. `-` is standard input, a directory is its files. Besides CSV, Parquet
and JSON by the line, in arrays, pretty-printed or in strings these are read: server-sent events (`data: {...}`),
text sequences (RFC 7464), log lines that end in a JSON object, messages in hexadecimal, and tables that pandas has
written as one object (`orient` split, columns, index or table). Titles before the header
and comments are passed over, and counted. Workbooks, archives, PDF, XML, YAML, SQL and the like are refused by name.

Text that is neither UTF-8 nor UTF-16 is read in the encoding in which it reads best: Windows-1250 to 1256, ISO 8859-2, DOS 866,
Shift-JIS, EUC-JP, GB 18030 (GBK), Big5 or EUC-KR. The summary says which, and names what it could be as well: in `Beløb` alone,
Danish and Czech are the same bytes. `--encoding NAME` settles it for any command that reads a file (`suggest`, `try`, `replay`,
`evaluate`, `fit`, `demo`), and is needed where nothing fits, as for files of old Macs. Digits and ids in ASCII are the same in all.

A row that cannot be read is refused with its number, its line and the reason, and takes no other along; `--rejects`
writes it to a file. Times without a zone are taken as UTC, and the summary says so.

Where the first row is no header the columns are called `column-1`, `column-2` and so on: `suggest` says what each
holds, and they are declared like any others, with `--map card_id=column-2` or `card_id = "column-2"`. A declaration
that names columns so says by itself that there is no header.

## On a topic

`STREAMER_INTAKE` names the preset or the file for the worker, `STREAMER_SCHEMA_REGISTRY_URL` the registry of framed
Avro and Protobuf. There a message is one payment: one with several is a dead letter (`several_payments`). Files may
have several in one message.

## Layouts that are known

`--intake NAME` takes these; `streamer intake show NAME` prints the lines, to start from.
"""


def page() -> str:
    """Return the page's text."""
    parts = [_HEAD]
    for name in preset_names():
        about = preset_content(name)["about"]
        lines = preset_text(name).split("\n", 1)[1].strip()
        parts.append(f"### {name}\n\n{about}.\n\n```toml\n{lines}\n```\n")
    parts.append("## Refused by name\n")
    parts += [f"`{name}`: {reason}.\n" for name, reason in REFUSED.items()]
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; return the exit code."""
    return write_or_check("streamer.pages.your_data_page", __doc__, page, _PAGE, arguments)


if __name__ == "__main__":
    sys.exit(main())
