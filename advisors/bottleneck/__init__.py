"""What slows a running model down, judged from samples."""
