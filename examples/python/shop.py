"""A shop on FastAPI and SQLite, with several workers under one limit and one breaker.

    pip install ./bindings/python fastapi uvicorn
    cd examples/python
    uvicorn shop:app --workers 4

Every worker opens the same region by its path. Then:

    curl -i -X POST -H 'x-user: ann' 'http://127.0.0.1:8000/orders?product=1'
    curl http://127.0.0.1:8000/metrics
    curl http://127.0.0.1:8000/health

SHOP_REGION and SHOP_DATABASE name the region and the database.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Response
from tidegate import Engine
from tidegate.asgi import TidegateMiddleware

REGION = os.environ.get("SHOP_REGION", "/dev/shm/tidegate-shop")
DATABASE = os.environ.get("SHOP_DATABASE", "shop.db")

config = json.loads(Path(__file__).with_name("guards.json").read_text())
engine = Engine({**config, "region": {"path": REGION}})
orders_limit = engine.limiter("orders")
database_breaker = engine.breaker("database")
database_room = engine.bulkhead("database")
query = engine.operation("database.query", slow_seconds=0.05, help="Queries of the shop.")
orders = engine.counter("orders", help="Orders that are in the database.")


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """A connection, and a transaction around the block."""
    connection = sqlite3.connect(DATABASE, timeout=5.0)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def prepare() -> None:
    """Makes the tables, if they are not there."""
    with database() as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table if not exists products (id integer primary key, name)")
        connection.execute(
            "create table if not exists orders (id integer primary key, product, user)"
        )
        connection.execute("insert or ignore into products values (1, 'lamp'), (2, 'chair')")


# From the outside in: what is counted, who may come in, who may go on.
@query
@database_room
@database_breaker
def product_named(product: int) -> str | None:
    """The name of a product."""
    with database() as connection:
        row = connection.execute("select name from products where id = ?", (product,)).fetchone()
    return row[0] if row else None


@query
@database_room
@database_breaker
def add_order(product: int, user: str) -> None:
    """Keeps an order."""
    with database() as connection:
        connection.execute("insert into orders (product, user) values (?, ?)", (product, user))


def limited(
    response: Response, x_user: Annotated[str, Header()] = "nobody"
) -> str:
    """The user, who may order only so often, whichever worker is asked."""
    decision = orders_limit.check("user", x_user)
    if not decision:
        headers = {"retry-after": str(int(decision.retry_after) + 1)}
        raise HTTPException(429, "too many orders", headers)
    response.headers["x-orders-left"] = str(decision.remaining)
    return x_user


prepare()
app = FastAPI(title="shop")
app.add_middleware(TidegateMiddleware, engine=engine)


@app.middleware("http")
async def name_the_worker(request: Any, call_next: Any) -> Any:
    """Says which process answered."""
    response = await call_next(request)
    response.headers["x-worker"] = str(os.getpid())
    return response


@app.get("/products/{product}")
def read_product(product: int) -> dict[str, object]:
    """A product by its number."""
    name = product_named(product)
    if name is None:
        raise HTTPException(404, "no such product")
    return {"product": product, "name": name}


@app.post("/orders", status_code=201)
def order(product: int, user: Annotated[str, Depends(limited)]) -> dict[str, object]:
    """Orders a product."""
    add_order(product, user)
    orders.inc()
    return {"product": product, "user": user}
