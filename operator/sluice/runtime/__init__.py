"""The shell around the decisions: watches, reads, writes, elects, reports."""
