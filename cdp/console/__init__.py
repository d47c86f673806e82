"""Console: web pages for officers, and the preference page of a person.

Will own the pages for consent, policy, requests and the log, and its own table from
error to page.

Refuses: deciding anything, and calling ``api``. Both web rooms ask the gate. There is
nothing here yet, so no page is served.
"""

__all__: list[str] = []
