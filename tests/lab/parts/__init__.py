"""One module for each part of the cluster: its settings, its start, when it counts as ready."""
