"""Where the lab's programs come from: found, or built from Go modules and kept per user."""
