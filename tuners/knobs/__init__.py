"""What can be changed, one file per mechanism: how it is read, written, compared and shown as a command."""
