"""Decoders: what each consent standard says, as verdicts over our scopes.

Each standard has two layers. A *decoder* turns the wire form into a value of its own,
field by field, and raises its one typed error. A *reader* (``read_*``) turns that value
into a ``Reading``: it never raises, and what does not decode grants nothing.

Refuses: guessing. Nothing here knows a clock, a store or a person.
"""
