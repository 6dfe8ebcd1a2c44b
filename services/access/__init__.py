"""Users of Kafka and MongoDB whose rights end at what a service needs."""
