"""A privacy-first consent and identity core for a customer data platform.

Rooms stack on floors and import downwards only; ``docs/architecture.md`` holds the plan.
"""

__version__ = "0.1.0"
