"""The local cluster: a real single-node Kubernetes without any container engine.

`python -m lab up` starts it and `python -m lab down` removes it; nothing in it
is a stand-in. It is made for this repository's demo and tests, not for
production: one node, certificates of one month, no durability on purpose.
"""
