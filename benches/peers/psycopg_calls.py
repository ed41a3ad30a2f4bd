"""The same SQL straight to Postgres by psycopg: one connection, one statement at a time.

Lines of JSON in, lines of JSON out. `{"mode": …, "sql": …, "seconds": …, "first": …, "orders": …, "above": …}`; `{n}` and
`{m}` in the text are other numbers each time, as in src/bin/passage.rs. The answer has the seconds that each statement took.

mode `warm`: on a connection that is open; psycopg prepares a text that it has seen five times.
mode `connect`: each on a connection of its own, opened for it.
"""

import json
import os
import sys
import time

import psycopg

URL = os.environ["DATABASE_URL"]


def ask(connection, sql):
    with connection.cursor() as cursor:
        rows = cursor.execute(sql).fetchall()
    assert rows, "no rows"


def connect():
    return psycopg.connect(URL, autocommit=True)


def run(order, connection):
    took, n, begun = [], order["first"], time.perf_counter()
    while True:
        sql = order["sql"].replace("{n}", str(n % order["orders"] + 1)).replace("{m}", str(order["above"] + n))
        n += 1
        asked = time.perf_counter()
        if order["mode"] == "connect":
            with connect() as fresh:
                ask(fresh, sql)
        else:
            ask(connection, sql)
        now = time.perf_counter()
        took.append(now - asked)
        if now - begun >= order["seconds"]:
            return {"took": took, "seconds": now - begun}


def main():
    connection = connect()
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line), connection)), flush=True)


main()
