"""Floor 2: judge what was read. Pure functions, no file access."""
