"""Activation: an audience leaves for a destination.

Will own destinations, deliveries and their proof: what left, for whom, why, and what
was called back after a withdrawal.

Refuses: raw identifiers. It sends what the gate discloses for the destination's own
purpose, and nothing else. There is nothing here yet, so nothing leaves this way.
"""

__all__: list[str] = []
