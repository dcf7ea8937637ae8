"""GPUs, one file per vendor; `gpus.py` puts them together."""
