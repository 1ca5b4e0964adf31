"""Sluice: progressive delivery of machine-learning models on Kubernetes."""
