"""Floor 4: turn what is known into text, Markdown and JSON."""
