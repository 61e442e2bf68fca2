"""Machine code loaded into this process, and called with numpy arrays, by llvmlite and ctypes alone.

Machine code is given the address of the tuple of arguments, and finds the arrays
itself: their headers stand in memory as `Layout` says, which numpy and Python
promise to compiled extensions. So a call costs the same for two arrays and for
twenty. While it runs, other threads of Python run as well.
"""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
import numpy as np

if TYPE_CHECKING:
    from .kernels import Run

_HEADER = object.__basicsize__


class Layout:
    """Where things stand in memory, in bytes from the beginning of an object of CPython or numpy."""

    TYPE = _HEADER - 8
    LENGTH = _HEADER
    ITEMS = tuple.__basicsize__
    DATA = _HEADER
    DIMENSIONS = _HEADER + 8
    SHAPE = _HEADER + 16
    STRIDES = _HEADER + 24
    DTYPE = _HEADER + 40
    FLAGS = _HEADER + 48
    ORDER = _HEADER + 10
    NUMBER = _HEADER + 12


PLAIN = 0x101
"""The flags of an array that is contiguous and aligned."""


class NotAsKnown(Exception):
    """Machine code cannot be used here."""


def machine() -> Any:
    """This processor, as code is made for it; whoever asks owns it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="static" if target.name.startswith("x86") else "default",
        codemodel="jitdefault",
        jit=True,
    )


@lru_cache(maxsize=1)
def _engine() -> Any:
    _check_layout()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())


def _check_layout() -> None:
    """Look at an array and a tuple whether they stand in memory as is assumed."""
    array = np.zeros((3, 5), np.int32)
    pair, dtype = (array, array), array.dtype
    at, of, items = id(array), id(dtype), id(pair)
    seen = (
        _number(at + Layout.TYPE), _number(at + Layout.DATA), _number(at + Layout.DIMENSIONS, 4),
        _number(at + Layout.FLAGS, 4), _number(_number(at + Layout.SHAPE) + 8),
        _number(_number(at + Layout.STRIDES)), _number(at + Layout.DTYPE), _number(of + Layout.NUMBER, 4),
        _number(of + Layout.ORDER, 1), _number(items + Layout.LENGTH), _number(items + Layout.ITEMS + 8),
    )  # fmt: skip
    known = (
        id(np.ndarray), array.ctypes.data, 2, array.flags.num, 5, 20, of, dtype.num, ord(dtype.byteorder),
        2, at,
    )  # fmt: skip
    if seen != known:
        raise NotAsKnown("arrays stand in memory in another way than known")


def _number(address: int, size: int = 8) -> int:
    return int.from_bytes(ctypes.string_at(address, size), sys.byteorder)


def entry(code: bytes, name: str, numbers: list[int]) -> Run:
    """The function of this name in machine code; `numbers` are the places of arguments that are no arrays."""
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(name)
    if not address:
        raise NotAsKnown(f"the code has no {name}")
    words = [ctypes.c_int64] * (2 + len(numbers))
    run = ctypes.CFUNCTYPE(ctypes.c_int64, *words)(address)
    array = id(np.ndarray)

    def call(args: tuple[Any, ...]) -> int:
        result: int = run(array, id(args), *[args[at] for at in numbers])
        return result

    return call
