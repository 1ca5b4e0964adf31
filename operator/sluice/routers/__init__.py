"""Split of the traffic <-> routing objects, one file per router. Pure."""
