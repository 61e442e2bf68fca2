"""A stock service: GET /ITEM answers how many of it are left, from a file of SQLite."""

import contextlib
import http.server
import sqlite3
import sys

failures = []
"""The errors so far, for the status page."""


def left(item):
    """How many of an item there are."""
    with contextlib.closing(sqlite3.connect("stock.db")) as stock:
        row = stock.execute("select number from stock where item = ?", (item,)).fetchone()
    if row is None:
        raise LookupError(item)
    return row[0]


class Stock(http.server.BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self):
        """Answer a number, or 404; / is the status page."""
        try:
            self.answer(200, left(self.path[1:]) if self.path != "/" else f"{len(failures)} failures")
        except LookupError as error:
            # With the error its traceback stays, and with that every frame below and its variables.
            failures.append(error)
            self.answer(404, "no such item")

    def answer(self, status, text):
        """Send a line."""
        self.send_response(status)
        self.end_headers()
        self.wfile.write(f"{text}\n".encode())


if __name__ == "__main__":
    with sqlite3.connect("stock.db") as stock:
        stock.execute("create table if not exists stock (item primary key, number)")
        stock.executemany("insert or replace into stock values (?, ?)", [("bolt", 120), ("nut", 80)])
    stock.close()
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Stock).serve_forever()
