"""What happened between two samples: counters become rates."""
