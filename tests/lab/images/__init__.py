"""Container images made on this machine: nothing is ever pulled."""
