"""The made-up part of the demo: identifiers, devices, channels and consent.

EVERYTHING IN THIS MODULE IS MADE UP. No public data set carries several identifiers per
person together with consent flags, so they are derived here from the household's
number, the same on every run and every machine. No address, cookie or choice below
belongs to anybody, and no share below is a finding about people.

- The same number gives the same person; nothing is drawn at random.
- E-mail addresses end in ``.example``, which nobody can own (RFC 2606).
- A household writes to one source, which stands in one jurisdiction.
- Choices are said the way consent banners say them: three categories, yes or no.

Refuses to touch what is real: baskets, products, stores, campaigns and demographics are
in ``retail``.
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

MADE_UP: Final = (
    "Baskets, products, stores, coupons and demographics are real (The Complete "
    "Journey). Cookies, devices, e-mail addresses, user ids, channels, jurisdictions "
    "and every consent choice are MADE UP: derived from the household number, because "
    "no public data set carries them."
)

# Sources and the jurisdiction each stands in; the last one is spoken for by the Segment
# client. Shares are of households, in percent.
SOURCES: Final = {
    "shop-kr": "KR",
    "shop-eu": "EU",
    "shop-us-ca": "US-CA",
    "app-kr": "KR",
}
SEGMENT_SOURCE: Final = "app-kr"

# Percent of households.
_WITH_DEVICE: Final = 40
_WITH_ONE_BROWSER: Final = 55
_WITH_USER_ID: Final = 65
_WITH_GPC: Final = 5

# One pair of households in so many shares a device.
_PAIRS_EVERY: Final = 60


class Choice(StrEnum):
    """What a household says about consent over the year."""

    ALL = "grants everything"
    NO_ADVERTISING = "refuses advertising"
    FUNCTIONAL = "allows what is functional"
    NOTHING = "refuses everything"
    SILENT = "says nothing"
    WITHDRAWS_ADVERTISING = "withdraws advertising half-way"
    WITHDRAWS_ALL = "withdraws everything half-way"
    LATE = "grants everything half-way"


Preferences = dict[str, bool]


def _preferences(functional: bool, analytics: bool, advertising: bool) -> Preferences:
    return {
        "Functional": functional,
        "Analytics": analytics,
        "Advertising": advertising,
    }


# What each choice says before and after the middle of the year; None sends no consent
# object at all.
SAYS: Final[dict[Choice, tuple[Preferences | None, Preferences | None]]] = {
    Choice.ALL: (_preferences(True, True, True),) * 2,
    Choice.NO_ADVERTISING: (_preferences(True, True, False),) * 2,
    Choice.FUNCTIONAL: (_preferences(True, False, False),) * 2,
    Choice.NOTHING: (_preferences(False, False, False),) * 2,
    Choice.SILENT: (None, None),
    Choice.WITHDRAWS_ADVERTISING: (
        _preferences(True, True, True),
        _preferences(True, True, False),
    ),
    Choice.WITHDRAWS_ALL: (
        _preferences(True, True, True),
        _preferences(False, False, False),
    ),
    Choice.LATE: (None, _preferences(True, True, True)),
}

# Percent of households.
_CHOICES: Final = (
    (Choice.ALL, 64),
    (Choice.NO_ADVERTISING, 6),
    (Choice.FUNCTIONAL, 4),
    (Choice.NOTHING, 6),
    (Choice.SILENT, 8),
    (Choice.WITHDRAWS_ADVERTISING, 5),
    (Choice.WITHDRAWS_ALL, 3),
    (Choice.LATE, 4),
)
_SOURCES: Final = (
    ("shop-kr", 60),
    ("shop-eu", 18),
    ("shop-us-ca", 12),
    (SEGMENT_SOURCE, 10),
)


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One made-up household. Its repr shows the number alone."""

    household: int
    source: str
    choice: Choice
    gpc: bool
    email: str
    cookies: tuple[str, ...]
    device: str | None
    shares_device: bool
    user_id: str | None

    @property
    def jurisdiction(self) -> str:
        """Where the household's source stands."""
        return SOURCES[self.source]

    @property
    def by_segment_client(self) -> bool:
        """Whether the Segment client library speaks for the household."""
        return self.source == SEGMENT_SOURCE

    def preferences(self, *, second_half: bool) -> Preferences | None:
        """Return what the household's banner says; None is no consent object."""
        return SAYS[self.choice][second_half]

    def cookie(self, basket: int) -> str:
        """Return the browser that a basket is ascribed to."""
        return self.cookies[basket // 8 % len(self.cookies)]

    def signed_in(self, basket: int) -> str | None:
        """Return the user id on a basket; one in four comes without."""
        return self.user_id if basket // 2 % 4 else None

    def device_of(self, basket: int) -> str | None:
        """Return the device on a basket: one in three of those who have one."""
        return self.device if basket % 3 == 0 else None

    def channel(self, basket: int) -> str:
        """Return where a basket is said to have been bought."""
        online = self.device_of(basket) is not None or basket % 5 == 0
        return "online" if online else "store"

    def __repr__(self) -> str:
        return f"Person({self.household})"


def make_up(households: Sequence[int]) -> dict[int, Person]:
    """Return the person of each household.

    Args:
        households: Their numbers, rising; neighbours in it may share a device.
    """
    people: dict[int, Person] = {}
    for place, household in enumerate(households):
        leader = place % _PAIRS_EVERY == 0 and place + 1 < len(households)
        follower = place % _PAIRS_EVERY == 1
        owner = households[place - 1] if follower else household
        people[household] = _person(household, owner, shares=leader or follower)
    return people


def _person(household: int, owner_of_device: int, *, shares: bool) -> Person:
    source = _share(_SOURCES, _percent("source", household))
    has_device = shares or _percent("device", household) < _WITH_DEVICE
    one_browser = _percent("cookies", household) < _WITH_ONE_BROWSER
    has_user_id = _percent("user", household) < _WITH_USER_ID
    return Person(
        household=household,
        source=source,
        choice=_share(_CHOICES, _percent("choice", household)),
        # The Segment library sets no header: no GPC browser can speak through it.
        gpc=source != SEGMENT_SOURCE and _percent("gpc", household) < _WITH_GPC,
        email=f"household.{household}@mail.example",
        cookies=tuple(
            _uuid(f"cookie {n}", household) for n in range(1 if one_browser else 2)
        ),
        device=_uuid("device", owner_of_device).upper() if has_device else None,
        shares_device=shares,
        user_id=f"member-{household:06d}" if has_user_id else None,
    )


def _digest(what: str, household: int) -> bytes:
    return hashlib.sha256(f"made up: {what} of {household}".encode()).digest()


def _percent(what: str, household: int) -> int:
    """Return a number in [0, 100), fixed for the household."""
    return int.from_bytes(_digest(what, household)[:8]) % 100


def _share(shares: Sequence[tuple[T, int]], percent: int) -> T:
    for value, share in shares:
        if percent < share:
            return value
        percent -= share
    raise ValueError("the shares do not add up to 100")


def _uuid(what: str, household: int) -> str:
    """Return text in the shape of a UUIDv4, as browsers make them."""
    h = _digest(what, household).hex()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:32]}"
