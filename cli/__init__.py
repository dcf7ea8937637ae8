"""Floor 6: the command line, one thin file per command; each imports its room only when called."""
