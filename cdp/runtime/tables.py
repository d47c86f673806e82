"""The one counter that orders everything the store learns."""

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel


class CounterRow(SQLModel, table=True):
    """A named number that only grows. One row: ``seq``."""

    __tablename__ = "counter"

    name: str = Field(primary_key=True, max_length=32)
    value: int = Field(sa_column=Column(BigInteger, nullable=False))
