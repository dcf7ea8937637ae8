"""Settings of the system: which would help this machine, and why."""
