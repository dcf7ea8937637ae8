"""Read what a model is from its files' headers: GGUF, safetensors, Hugging Face, Ollama. Weights are never read."""
