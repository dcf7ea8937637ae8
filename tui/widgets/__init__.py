"""Textual widgets: they paint lines that pure functions have made."""
