"""The live counters of one moment, for the monitor."""
