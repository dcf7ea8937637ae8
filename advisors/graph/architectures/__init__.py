"""Which blocks the graph of an architecture is made of."""
