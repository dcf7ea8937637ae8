"""What an engine's compute graph looks like, and how much memory it takes while it runs."""
