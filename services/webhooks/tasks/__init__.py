"""What is done again or afterwards for an endpoint: replays and back-fills, as tasks that outlive a process."""
