"""Demo: the main job, on real input, through the front door.

Owns the replay of a retailer's year, the story told around it, and ``demo.json``.

- What is real and what is made up live in different modules (``retail``, ``people``),
  and the screen says which is which.
- It starts the service as a process of its own and talks to it as a tracker, a job and
  an officer would: no room of the core is called.
- It fails when its numbers do not reconcile.

Needs the extra ``demo`` when it runs, and nothing of it to be imported.
"""

from cdp.cli.demo.command import demo

__all__ = ["demo"]
