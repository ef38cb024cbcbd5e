"""What the console says on Kafka: what people did, and verdicts; and what may not be typed."""
