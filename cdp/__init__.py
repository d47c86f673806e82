"""A privacy-first consent and identity core for a customer data platform.

Rooms stack on floors and import downwards only: see ``docs/architecture.md``.
"""

__version__ = "0.1.0"
