"""What is right and what is wrong: pure judgements over gathered facts, each with what mends it."""
