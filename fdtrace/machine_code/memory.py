"""Memory as compiled functions read it: a byte, a word of 8, or a stretch of 32 bytes at once.

Indexing an array is not enough where every byte counts: numba asks of each index
whether it is negative, and hands an array over as seven numbers. So a text is
either an array or the address where one begins (`address`), and what is here reads
from both without a question. Behind every text stand `BEHIND` bytes that may be read.

What is here is an instruction: a line or two of LLVM's language, for which Python has
no word. It works in compiled functions only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from .kernels import Part

STRETCH = 32
BEHIND = 2 * STRETCH
"""Bytes behind a text that a stretch or a word may reach into."""

Emit = Callable[..., Any]
"""Writes an instruction: given a builder of code and the arguments, it returns the result."""


class Instruction(Part):
    """What `emit` writes where a compiled function calls this; `meaning` tells it from its likes.

    Arguments come as whole numbers of 64 bits, an array as its address.
    """

    def __init__(self, emit: Emit, *meaning: object, result: str = "int64") -> None:
        super().__init__(emit)
        self._meaning = (emit.__qualname__, *meaning)
        self._result = result

    def __call__(self, *args: Any) -> Any:
        """Called from Python, it is nothing."""
        raise NotImplementedError("only compiled functions can do this")

    @cached_property
    def digest(self) -> bytes:
        """Stands for what it means: its own words, and those of this file."""
        words = repr(self._meaning).encode() + Path(__file__).read_bytes()
        return hashlib.blake2b(words, digest_size=16).digest()

    @cached_property
    def _numba_type_(self) -> Any:
        from numba import types
        from numba.core.registry import cpu_target
        from numba.extending import intrinsic

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            numbers = [_plain(context, builder, *pair) for pair in zip(signature.args, args, strict=True)]
            result = self.function(builder, *numbers)
            return context.get_dummy_value() if result is None else result

        def typed(*given: Any) -> Any:
            return getattr(types, self._result)(*given), generate

        forms: tuple[Callable[..., Any], ...] = (  # numba wants the arguments named
            lambda _, a: typed(a),
            lambda _, a, b: typed(a, b),
            lambda _, a, b, c: typed(a, b, c),
            lambda _, a, b, c, d: typed(a, b, c, d),
        )
        made = intrinsic(forms[self.function.__code__.co_argcount - 2])
        typing = cpu_target.typing_context
        typing.refresh()
        return typing.resolve_value_type(made)


def _plain(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """An argument as a number."""
    from numba import types

    if isinstance(kind, types.Array):
        return builder.ptrtoint(context.make_array(kind)(context, builder, value).data, _int(64))
    return context.cast(builder, value, kind, types.int64)


def _int(bits: int) -> Any:
    from llvmlite import ir

    return ir.IntType(bits)


def _read(builder: Any, text: Any, at: Any, kind: Any) -> Any:
    """What stands so many bytes behind an address."""
    return builder.load(builder.inttoptr(builder.add(text, at), kind.as_pointer()), align=1)


def _byte(builder: Any, text: Any, at: Any) -> Any:
    return builder.zext(_read(builder, text, at, _int(8)), _int(64))


def _word(builder: Any, text: Any, at: Any) -> Any:
    return _read(builder, text, at, _int(64))


def _first_bit(builder: Any, bits: Any) -> Any:
    return builder.cttz(bits, _int(1)(0))


def _number_at(builder: Any, base: Any, at: Any) -> Any:
    return builder.inttoptr(builder.add(base, builder.mul(at, _int(64)(8))), _int(64).as_pointer())


def _load(builder: Any, base: Any, at: Any) -> Any:
    return builder.load(_number_at(builder, base, at))


def _store(builder: Any, base: Any, at: Any, value: Any) -> None:
    builder.store(value, _number_at(builder, base, at))


def _stretch(builder: Any, text: Any, at: Any) -> Any:
    from llvmlite import ir

    return _read(builder, text, at, ir.VectorType(_int(8), STRETCH))


def _alike(builder: Any, one: Any, at: Any, other: Any, there: Any) -> Any:
    equal = builder.icmp_unsigned("==", _stretch(builder, one, at), _stretch(builder, other, there))
    return builder.icmp_signed("==", builder.bitcast(equal, _int(STRETCH)), _int(STRETCH)(-1))


byte: Callable[..., int] = Instruction(_byte)
"""The byte of a text at a place."""
word: Callable[..., int] = Instruction(_word)
"""Eight bytes of a text from a place on, the first of them the lowest of the number."""
alike: Callable[..., bool] = Instruction(_alike, result="boolean")
"""Whether the stretches at a place of one text and a place of another are equal."""
address: Callable[..., int] = Instruction(lambda builder, array: array, "address")
"""Where an array begins."""
load: Callable[..., int] = Instruction(_load)
"""The number of 8 bytes that is the so-manyth behind an address."""
store: Callable[..., None] = Instruction(_store, result="none")
"""Write a number of 8 bytes as the so-manyth behind an address."""
first_bit: Callable[..., int] = Instruction(_first_bit)
"""Which is the lowest bit that is set; 64 when there is none."""


def stops(characters: bytes, ranges: Iterable[bytes] = (), but: bool = False) -> Callable[..., int]:
    """Looks at the stretch of a text from a place on: a bit for each of its bytes that is one of these.

    `ranges` are the first and last of many; `but` asks for all others instead.
    """
    spans = [bytes((one, one)) for one in characters] + list(ranges)

    def emit(builder: Any, text: Any, at: Any) -> Any:
        from llvmlite import ir

        stretch = _stretch(builder, text, at)
        kind = stretch.type
        found = ir.VectorType(_int(1), STRETCH)([0] * STRETCH)
        for first, *_, last in spans:
            shifted = builder.sub(stretch, kind([first] * STRETCH))
            one = builder.icmp_unsigned("<=", shifted, kind([last - first] * STRETCH))
            found = builder.or_(found, one)
        if but:
            found = builder.not_(found)
        return builder.zext(builder.bitcast(found, _int(STRETCH)), _int(64))

    return Instruction(emit, spans, but)


def saying(words: bytes) -> Callable[..., bool]:
    """Tells whether these bytes stand in a text at a place."""

    def emit(builder: Any, text: Any, at: Any) -> Any:
        kind = _int(8 * len(words))
        wanted = kind(int.from_bytes(words, "little"))
        return builder.icmp_unsigned("==", _read(builder, text, at, kind), wanted)

    return Instruction(emit, words, result="boolean")
