"""The SMTP engine: one message, its hosts, their replies, the outcome as a value. It knows no Kafka and no store."""
