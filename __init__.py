"""llmtune: make a language model run as fast as this Linux machine can, prove it, and put everything back."""

__version__ = "0.1.0"
