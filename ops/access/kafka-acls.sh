#!/usr/bin/env bash
# The rights that each part of streamer needs at Kafka, and no others: run it once for each service, as a
# principal that may alter the cluster's access lists.  Said again it changes nothing; it takes nothing away.
#
#   BOOTSTRAP=kafka:9093 COMMAND_CONFIG=admin.properties ops/access/kafka-acls.sh
#   KAFKA_ACLS=echo ops/access/kafka-acls.sh            only print what would be said
#
# The broker needs an authorizer (authorizer.class.name, in KRaft
# org.apache.kafka.metadata.authorizer.StandardAuthorizer) and must not have
# allow.everyone.if.no.acl.found=true.  Topics are made by whoever operates Kafka: nobody here may create,
# delete or alter one, so that STREAMER_CREATE_TOPICS stays false.
set -euo pipefail

KAFKA_ACLS=${KAFKA_ACLS:-kafka-acls.sh}
BOOTSTRAP=${BOOTSTRAP:-127.0.0.1:9092}
COMMAND_CONFIG=${COMMAND_CONFIG:-}

# Principals: with SASL the user's name, with TLS alone the certificate's (User:CN=streamer-worker).
PRODUCER=${PRODUCER:-User:payments}
WORKER=${WORKER:-User:streamer-worker}
SERVE=${SERVE:-User:streamer-serve}
CONSOLE=${CONSOLE:-User:streamer-console}
OPERATOR=${OPERATOR:-User:streamer-operator}
ALERTS_READER=${ALERTS_READER:-User:case-system}
BANK=${BANK:-User:chargebacks}
AUDITOR=${AUDITOR:-User:auditor}

# As the settings name them.
NAMESPACE=${STREAMER_NAMESPACE:-default}
if [ "$NAMESPACE" = default ]; then GROUP=streamer; else GROUP=$NAMESPACE.streamer; fi
GROUP=${STREAMER_CONSUMER_GROUP:-$GROUP}
TRANSACTIONS=${STREAMER_TRANSACTIONS_TOPIC:-transactions}
ALERTS=${STREAMER_ALERTS_TOPIC:-fraud-alerts}
OVERFLOW=${STREAMER_OVERFLOW_TOPIC:-fraud-alerts-overflow}
DEAD_LETTERS=${STREAMER_DEAD_LETTERS_TOPIC:-transactions-dlq}
FEEDBACK=${STREAMER_FEEDBACK_TOPIC:-fraud-feedback}
FEEDBACK_DEAD_LETTERS=${STREAMER_FEEDBACK_DEAD_LETTERS_TOPIC:-fraud-feedback-dlq}
SCORES=${STREAMER_SCORES_TOPIC:-transaction-scores}
FEATURES=${STREAMER_FEATURES_TOPIC:-transaction-features}
DECISIONS=${STREAMER_SERVE_DECISIONS_TOPIC:-serve-decisions}
AUDIT=${STREAMER_AUDIT_TOPIC:-streamer-audit}
PROPOSALS=${STREAMER_PROPOSALS_TOPIC:-streamer-proposals}

say() {
  "$KAFKA_ACLS" --bootstrap-server "$BOOTSTRAP" \
    ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"} \
    --add --force --allow-principal "$@"
}

# may WHO "OPERATION ..." TOPIC...
may() {
  local who=$1 operations=() topics=() each
  for each in $2; do operations+=(--operation "$each"); done
  shift 2
  for each in "$@"; do topics+=(--topic "$each"); done
  say "$who" "${operations[@]}" "${topics[@]}"
}

# joins WHO GROUP, or with a third word every group whose name begins so
joins() {
  say "$1" --operation Read --group "$2" ${3:+--resource-pattern-type "$3"}
}

# Payment systems publish, and read nothing.  Who sends with idempotence needs no right of the cluster:
# that of writing to a topic has it, since Kafka 3.0.
may "$PRODUCER" "Write" "$TRANSACTIONS"

# Workers.  They read their own alerts back when they claim a partition, so that none goes out twice.
may "$WORKER" "Read" "$TRANSACTIONS" "$FEEDBACK"
may "$WORKER" "Read Write" "$ALERTS" "$OVERFLOW"
may "$WORKER" "Write" "$DEAD_LETTERS" "$FEEDBACK_DEAD_LETTERS" "$SCORES" "$FEATURES"
joins "$WORKER" "$GROUP"
joins "$WORKER" "$GROUP-recovery"
joins "$WORKER" "$GROUP-alert-sources"

# Scores on request: where answers are kept for `streamer skew`, and nothing else.
may "$SERVE" "Write" "$DECISIONS"

# The console reads alerts, writes verdicts, and what people did.
may "$CONSOLE" "Read" "$ALERTS" "$OVERFLOW"
may "$CONSOLE" "Write" "$FEEDBACK" "$AUDIT" "$PROPOSALS"
may "$CONSOLE" "Describe" "$TRANSACTIONS"
joins "$CONSOLE" "$GROUP-console"
joins "$CONSOLE" "$GROUP-older"

# Commands of operators: looking at what is there, sending dead letters again, setting a partition to
# another offset, erasing a card, and the audit of all of it.
may "$OPERATOR" "Read DescribeConfigs" "$TRANSACTIONS" "$FEEDBACK" "$ALERTS" "$OVERFLOW" \
  "$DEAD_LETTERS" "$FEEDBACK_DEAD_LETTERS" "$SCORES" "$FEATURES" "$DECISIONS" "$AUDIT" "$PROPOSALS"
may "$OPERATOR" "Write" "$TRANSACTIONS" "$FEEDBACK" "$AUDIT" "$PROPOSALS"
# `privacy erase` lets go of a card's records where Kafka compacts: of other topics that --topic names, too.
may "$OPERATOR" "Write" "$SCORES" "$FEATURES" "$DECISIONS"
joins "$OPERATOR" "$GROUP"
joins "$OPERATOR" "$GROUP-" prefixed

# Who takes alerts to another system, each group of its own.
may "$ALERTS_READER" "Read" "$ALERTS" "$OVERFLOW"
joins "$ALERTS_READER" case- prefixed

# Who reports chargebacks.
may "$BANK" "Write" "$FEEDBACK"

# `streamer audit verify` by somebody who can change nothing.
may "$AUDITOR" "Read" "$AUDIT" "$PROPOSALS"
joins "$AUDITOR" "$GROUP-audit"
