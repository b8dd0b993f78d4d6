"""The training engine: compiled programs, mapped over seeds and run in chunks by the host."""
