"""The event stream of the demo: what is real and what is made up, in the order of time.

For each household there is

- one ``Order Completed`` per basket and one ``Coupon Redeemed`` per redemption (real,
  under made-up identifiers);
- an ``identify`` shortly before its first event, and one more that introduces its
  second browser, both with the household's demographics and made-up e-mail address;
- one ``Segment Consent Preference Updated`` in the middle of the year where the
  household changes its mind.

Laws:

- The same input, people and shift give the same bytes: message ids come from basket,
  row and household numbers.
- Times never fall, and no event is built before it is asked for.
- An event is far under 32 KiB: at most 161 products of six short fields.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np

from cdp.cli.demo.people import Person
from cdp.cli.demo.retail import CURRENCY, Retail, shift_to_past_week

ORDER: Final = "Order Completed"
REDEMPTION: Final = "Coupon Redeemed"
CHANGE_OF_MIND: Final = "Segment Consent Preference Updated"

# Kinds in the order in which one household's events of one second are sent.
_IDENTIFY, _CHANGE, _REDEEM, _ORDER = range(4)
_DAY_SECONDS: Final = 86_400
_SIGN_UP: Final = np.timedelta64(5, "m")
_SECOND_BROWSER: Final = np.timedelta64(2, "m")


class Outgoing(NamedTuple):
    """One event and who is to send it. ``item`` is an item of the Segment format."""

    person: Person
    at: datetime
    item: dict[str, Any]


class Stream:
    """Every event of the year, built one by one when it is iterated.

    Args:
        retail: The real part.
        people: The made-up part, one person per household of it.
        now: The last event lies in the week before it.
    """

    def __init__(
        self, retail: Retail, people: Mapping[int, Person], now: datetime
    ) -> None:
        self._retail = retail
        self._people = people
        households = np.asarray(sorted(people), dtype=np.int64)
        baskets, redeemed = retail.baskets, retail.redemptions
        first, middle_of_own = _first_and_third(retail, households)
        last = max(baskets.at.max(), redeemed.at.max(initial=baskets.at.min()))
        start = baskets.at.min()
        self.shift: timedelta = shift_to_past_week(_aware(last), now)
        self._change_at = start + (last - start) // 2 + _minute_of_day(households)
        parts = [
            (_ORDER, baskets.at, np.arange(len(baskets))),
            (_REDEEM, redeemed.at, np.arange(len(redeemed))),
            (_IDENTIFY, first - _SIGN_UP, np.arange(len(households))),
            *self._second_browsers(households, middle_of_own),
            *self._changes(households, last),
        ]
        kind = np.concatenate([np.full(len(at), k) for k, at, _ in parts])
        at = np.concatenate([at for _, at, _ in parts])
        place = np.concatenate([p for _, _, p in parts])
        order = np.lexsort((place, kind, at))
        self._kind, self._at, self._place = kind[order], at[order], place[order]
        self._households = households
        self._row_of = {int(h): row for row, h in enumerate(households)}
        self._first = first

    def __len__(self) -> int:
        return len(self._kind)

    def __iter__(self) -> Iterator[Outgoing]:
        """Build the events in the order of their time."""
        build = {
            _ORDER: self._order,
            _REDEEM: self._redemption,
            _IDENTIFY: self._identify,
            _CHANGE: self._change,
        }
        chunk = 10_000
        shift = np.timedelta64(int(self.shift.total_seconds()), "s")
        for begin in range(0, len(self), chunk):
            part = slice(begin, begin + chunk)
            shifted: np.ndarray = self._at[part] + shift
            for kind, place, at, stamp, text in zip(
                self._kind[part].tolist(),
                self._place[part].tolist(),
                self._at[part],
                shifted.tolist(),
                np.datetime_as_string(shifted, unit="s").tolist(),
                strict=True,
            ):
                person, item = build[kind](place, at)
                item["timestamp"] = f"{text}.000Z"
                yield Outgoing(person, _with_zone(stamp), item)

    def _second_browsers(
        self, households: np.ndarray, at: np.ndarray
    ) -> list[tuple[int, np.ndarray, np.ndarray]]:
        rows = np.asarray(
            [
                r
                for r, h in enumerate(households)
                if len(self._people[int(h)].cookies) > 1
            ],
            dtype=np.int64,
        )
        # The place of a second introduction is negative, so that one kind holds both.
        return [(_IDENTIFY, at[rows] - _SECOND_BROWSER, -1 - rows)]

    def _changes(
        self, households: np.ndarray, last: np.datetime64
    ) -> list[tuple[int, np.ndarray, np.ndarray]]:
        rows = np.asarray(
            [
                row
                for row, household in enumerate(households)
                if _changes_its_mind(self._people[int(household)])
            ],
            dtype=np.int64,
        )
        return [(_CHANGE, np.minimum(self._change_at[rows], last), rows)]

    def _order(self, place: int, at: np.datetime64) -> tuple[Person, dict[str, Any]]:
        baskets = self._retail.baskets
        person = self._people[int(baskets.household[place])]
        basket = int(baskets.basket[place])
        lines = slice(
            int(baskets.first_line[place]), int(baskets.first_line[place + 1])
        )
        products = self._retail.products
        item = self._item(person, basket, at)
        item["messageId"] = f"order-{basket}"
        item["event"] = ORDER
        item["properties"] = {
            "revenue": int(baskets.revenue_cents[place]) / 100,
            "coupon_count": int(baskets.coupon_count[place]),
            "store_id": str(baskets.store[place]),
            "channel": person.channel(basket),
            "currency": CURRENCY,
            "products": [
                {**products[product], "quantity": quantity, "price": price}
                for product, quantity, price in zip(
                    baskets.product[lines].tolist(),
                    baskets.quantity[lines].tolist(),
                    baskets.price[lines].tolist(),
                    strict=True,
                )
            ],
        }
        return person, item

    def _redemption(
        self, place: int, at: np.datetime64
    ) -> tuple[Person, dict[str, Any]]:
        redeemed = self._retail.redemptions
        person = self._people[int(redeemed.household[place])]
        item = self._item(person, place, at)
        item["messageId"] = f"redemption-{place}"
        item["event"] = REDEMPTION
        item["properties"] = {
            "coupon_id": str(redeemed.coupon[place]),
            "campaign_id": str(redeemed.campaign[place]),
        }
        return person, item

    def _identify(self, place: int, at: np.datetime64) -> tuple[Person, dict[str, Any]]:
        second = place < 0
        household = int(self._households[-1 - place if second else place])
        person = self._people[household]
        traits = {"email": person.email}
        known = self._retail.demographics.get(household)
        if known is not None:
            bands = {
                "age_band": known.age_band,
                "income_band": known.income_band,
                "household_size": known.household_size,
                "kids_count": known.kids_count,
            }
            traits.update({k: v for k, v in bands.items() if v is not None})
        return person, {
            "type": "identify",
            "messageId": f"identify-{household}-{1 + second}",
            "anonymousId": person.cookies[second],
            **({"userId": person.user_id} if person.user_id else {}),
            "context": self._context(person, at, None if second else person.device),
            "traits": traits,
        }

    def _change(self, place: int, at: np.datetime64) -> tuple[Person, dict[str, Any]]:
        person = self._people[int(self._households[place])]
        item: dict[str, Any] = {
            "type": "track",
            "messageId": f"choice-{person.household}",
            "event": CHANGE_OF_MIND,
            "anonymousId": person.cookies[0],
            "context": self._context(person, at, None, changed=True),
            "properties": {},
        }
        if person.user_id:
            item["userId"] = person.user_id
        return person, item

    def _item(self, person: Person, number: int, at: np.datetime64) -> dict[str, Any]:
        item: dict[str, Any] = {
            "type": "track",
            "anonymousId": person.cookie(number),
            "context": self._context(person, at, person.device_of(number)),
        }
        signed_in = person.signed_in(number)
        if signed_in is not None:
            item["userId"] = signed_in
        return item

    def _context(
        self,
        person: Person,
        at: np.datetime64,
        device: str | None,
        *,
        changed: bool = False,
    ) -> dict[str, Any]:
        second_half = changed or bool(
            at >= self._change_at[self._row_of[person.household]]
        )
        says = person.preferences(second_half=second_half)
        context: dict[str, Any] = {}
        if says is not None:
            context["consent"] = {"categoryPreferences": says}
        if device is not None:
            context["device"] = {"id": device}
        return context


def _changes_its_mind(person: Person) -> bool:
    before = person.preferences(second_half=False)
    return before != person.preferences(second_half=True)


def _first_and_third(
    retail: Retail, households: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return each household's first instant, and that of a third of its baskets."""
    baskets, redeemed = retail.baskets, retail.redemptions
    order = np.argsort(baskets.household, kind="stable")
    begin = np.searchsorted(baskets.household[order], households, side="left")
    end = np.searchsorted(baskets.household[order], households, side="right")
    first = baskets.at[order[begin]]
    rows = np.searchsorted(households, redeemed.household)
    np.minimum.at(first, rows, redeemed.at)
    return first, baskets.at[order[begin + (end - begin) // 3]]


def _minute_of_day(households: np.ndarray) -> np.ndarray:
    return (households * 60 % _DAY_SECONDS).astype("timedelta64[s]")


def _aware(instant: np.datetime64) -> datetime:
    return _with_zone(instant.astype("datetime64[us]").astype(datetime))


def _with_zone(naive: datetime) -> datetime:
    return naive.replace(tzinfo=UTC)
