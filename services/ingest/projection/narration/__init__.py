"""The steps of a message's life in plain sentences, out of what the trace shows of them and nothing else. Pure."""
