"""ingest: accepts messages durably, hands them to the pipeline, and keeps what became of them."""
