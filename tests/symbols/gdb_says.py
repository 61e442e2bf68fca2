"""Run inside gdb: what it knows of addresses, as JSON."""

import json
import os

import gdb

answers = {}
for address in map(int, os.environ["ADDRESSES"].split()):
    place = gdb.find_pc_line(address)
    try:
        block = gdb.block_for_pc(address)
    except RuntimeError:
        block = None
    chain = []
    while block is not None and not block.is_global and not block.is_static:
        if block.function is not None:
            chain.append(block.function.name)
        block = block.superblock
    symbol = gdb.execute(f"info symbol {address}", to_string=True)
    known = not symbol.startswith("No symbol")
    answers[address] = {
        "symbol": symbol.partition(" in section")[0].partition(" + ")[0] if known else None,
        "line": place.line or None,
        "file": os.path.basename(place.symtab.filename) if place.symtab else None,
        "chain": chain,
    }
with open(os.environ["ANSWERS"], "w") as stream:
    json.dump(answers, stream)
