"""The checks of `llmtune doctor`, one file a topic; `all.py` lists them."""
