"""What Sluice decides, and why: pure functions of one observation."""
