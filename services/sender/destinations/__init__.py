"""What a destination may be given: its limits and their adaptation, rates, sources and their warm-up."""
