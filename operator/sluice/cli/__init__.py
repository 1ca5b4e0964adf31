"""The command `sluice`: the first line answers the question, then the evidence, then what next."""
