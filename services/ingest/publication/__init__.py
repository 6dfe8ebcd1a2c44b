"""From what is accepted to Kafka: the relays of both lanes, and the sweeper behind them."""
