"""Measurements that load the machine: only run when asked for."""
