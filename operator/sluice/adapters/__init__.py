"""I/O, one file per outside system. Every call has a deadline."""
