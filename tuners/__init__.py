"""What acts: it starts servers and, later, changes settings."""
