"""What crosses a boundary: topics and the versioned records on them."""
