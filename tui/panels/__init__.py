"""One file a panel: pure functions from what is known to lines of text."""
