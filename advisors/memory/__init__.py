"""Memory of a plan, per device and per term, as llama.cpp lays it out."""
