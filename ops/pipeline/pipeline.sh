#!/bin/sh
# A model version from its file, or a registry, to the workers: one step a call, the same by hand and in CI.
#
#   ops/pipeline/pipeline.sh STEP
#
#   register  store the version of $MODEL in the service's Redis
#   pull      store the version that MLflow ($MLFLOW_URI) has as $MLFLOW_MODEL instead
#   gate      exit code 1 unless it passes against the head on $PAYMENTS
#   canary    score $CANARY partitions with it for $CANARY_FOR, then all
#   promote   make it the head at once
#   rollback  go back to what the last promotion replaced
#
# The service is that of the STREAMER_ variables.  The version's id is kept in $VERSION_FILE.
set -eu

MODEL=${MODEL:-model.safetensors}
MLFLOW_MODEL=${MLFLOW_MODEL:-streamer@champion}
VERSION_FILE=${VERSION_FILE:-version.txt}
PAYMENTS=${PAYMENTS:-payments.parquet}
POLICY=${POLICY:-ops/gate.toml}
CANARY=${CANARY:-2}
CANARY_FOR=${CANARY_FOR:-10m}
REASON=${REASON:-pipeline}

# Prints what a command says, and keeps the id that its line begins with.
stored() {
  said=$("$@" 2>&1) || { echo "$said" >&2; exit 1; }
  echo "$said"
  echo "$said" | sed -n 's/^\([0-9a-f]\{64\}\) .*/\1/p' >"$VERSION_FILE"
  test -s "$VERSION_FILE"
}

version() {
  test -s "$VERSION_FILE" || { echo "$VERSION_FILE must hold an id: register or pull comes first" >&2; exit 2; }
  cat "$VERSION_FILE"
}

step=${1:-}
case "$step" in
  register) stored streamer model import "$MODEL" ;;
  pull) stored streamer model pull "$MLFLOW_MODEL" --mlflow "$MLFLOW_URI" ;;
  gate | canary | promote) id=$(version) ;;
  rollback) streamer model rollback --reason "$REASON" ;;
  *)
    sed -n 's/^#   //p' "$0" >&2
    exit 2
    ;;
esac
case "$step" in
  gate) streamer gate "$id" --payments "$PAYMENTS" --policy "$POLICY" ;;
  canary)
    streamer model promote "$id" --payments "$PAYMENTS" --policy "$POLICY" --reason "$REASON" \
      --canary "$CANARY" --for "$CANARY_FOR"
    ;;
  promote)
    streamer model promote "$id" --payments "$PAYMENTS" --policy "$POLICY" --reason "$REASON"
    ;;
esac
