"""Floor 1: read one machine. Nothing in this folder changes anything."""
