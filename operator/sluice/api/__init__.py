"""The custom resources: their fields, bounds and texts. No I/O, no clock."""
