"""Engines: for each whether it can run a model, and how it is launched."""
