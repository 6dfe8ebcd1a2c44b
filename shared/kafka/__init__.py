"""Kafka as Posthorn uses it: raw batches in, acknowledged batches out, dead letters beside."""
