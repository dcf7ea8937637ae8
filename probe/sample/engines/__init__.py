"""What inference servers tell of themselves on loopback, one file an engine."""
