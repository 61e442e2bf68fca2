"""A compiled function as Python sees it: called with any arguments, it finds the machine code for them."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from functools import cached_property, update_wrapper
from types import CodeType, ModuleType
from typing import Any, TypeVar, cast

import numpy as np

from . import keeping

F = TypeVar("F", bound=Callable[..., Any])
Run = Callable[[tuple[Any, ...]], int]
Shape = tuple[str, int]
"""The type of an argument: that of an array's elements and its dimensions; `WHOLE` for a number."""

WHOLE: Shape = ("", 0)
REFUSED = -(1 << 63)
"""What machine code returns for arguments of other types than it was made for, having touched nothing."""
OPTIONS: Any = {"error_model": "numpy", "no_cfunc_wrapper": True, "no_cpython_wrapper": True, "_nrt": False}
"""No function makes an array, so none has to be counted: counting took half of the time."""

_lock = threading.RLock()
_PLAIN = (int, str, bytes, type(None), tuple, np.generic)


def part(function: F) -> F:
    """Compile a function into those that call it."""
    return cast(F, Part(function))


def compiled(function: F) -> F:
    """Run a function as machine code, made when it is first called and kept where that is possible."""
    return cast(F, Kernel(function))


def is_kept(function: Callable[..., Any]) -> bool:
    """Whether the machine code of a compiled function was kept before."""
    if not isinstance(function, Kernel) or not keeping.holds(function.function.__name__):
        return False
    return keeping.holds(function.name)


class Part:
    """A function that others of its kind call; called from Python, it is plain Python."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        update_wrapper(self, function)

    def __call__(self, *args: Any) -> Any:
        """What plain Python makes of it: the same, slowly."""
        return self.function(*args)

    @cached_property
    def dispatcher(self) -> Any:
        """The function as numba knows it."""
        import numba

        return numba.njit(**OPTIONS)(self.function)

    @property
    def _numba_type_(self) -> Any:
        """What numba takes this object for where a compiled function mentions it."""
        return self.dispatcher._numba_type_

    @cached_property
    def digest(self) -> bytes:
        """Stands for all that the function means: its instructions, and what they mention."""
        found = hashlib.blake2b(digest_size=16)
        for fact in self._facts(self.function.__code__):
            found.update(fact)
        return found.digest()

    def _facts(self, code: CodeType) -> Iterator[bytes]:
        yield code.co_code
        yield repr((code.co_varnames, code.co_argcount, self.function.__defaults__)).encode()
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from self._facts(constant)
            elif constant is not self.function.__doc__:
                yield repr(constant).encode()
        for cell in self.function.__closure__ or ():
            yield _meaning(cell.cell_contents)
        for name in code.co_names:
            known = self.function.__globals__.get(name)
            yield name.encode()
            yield _meaning(known)
            if isinstance(known, ModuleType):
                yield from (_meaning(getattr(known, within, None)) for within in code.co_names)


def _meaning(known: object) -> bytes:
    """What the value of a name adds to the meaning of a function; nothing where the name says it."""
    if isinstance(known, Part):
        return known.digest
    if isinstance(known, np.ndarray):
        return repr((known.dtype.str, known.shape)).encode() + known.tobytes()
    return repr(known).encode() if isinstance(known, _PLAIN) else b""


class Kernel(Part):
    """A function that runs as machine code. Its first call decides for which types; there may be others."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._known: dict[tuple[Shape, ...], Run] = {}
        self._run: Run = _nothing_yet

    def __call__(self, *args: Any) -> Any:
        """Run the machine code, which is looked for when there is none yet for arguments of these types."""
        result = self._run(args)
        if result != REFUSED:
            return result
        shapes = tuple(map(_shape, args))
        self._run = self._found(shapes)
        result = self._run(args)
        if result == REFUSED:
            raise TypeError(f"{self.function.__name__} takes contiguous arrays and numbers, not {shapes}")
        return result

    @cached_property
    def name(self) -> str:
        """Stands for this function on this machine."""
        return f"{self.function.__name__}-{keeping.key(self.digest)}"

    def _found(self, shapes: tuple[Shape, ...]) -> Run:
        with _lock:
            if shapes not in self._known:
                try:
                    self._known[shapes] = self._loaded(shapes)
                except Exception:  # whatever it is, numba's own way is left
                    self._known[shapes] = self._by_numba()
            return self._known[shapes]

    def _loaded(self, shapes: tuple[Shape, ...]) -> Run:
        from . import running

        numbers = [at for at, shape in enumerate(shapes) if shape == WHOLE]
        name = f"{self.name}-{hashlib.blake2b(repr(shapes).encode(), digest_size=4).hexdigest()}"
        code = keeping.load(name)
        if code is None:
            from . import building

            _announce()
            code = building.built(self, shapes, name)
            keeping.save(name, code)
        return running.entry(code, name, numbers)

    def _by_numba(self) -> Run:
        import numba

        _announce()
        dispatcher = numba.njit(nogil=True, error_model="numpy")(self.function)
        return lambda args: cast(int, dispatcher(*args))


def _nothing_yet(args: tuple[Any, ...]) -> int:
    return REFUSED


def _shape(argument: object) -> Shape:
    if isinstance(argument, np.ndarray):
        return argument.dtype.str, argument.ndim
    return WHOLE


_announced = threading.Event()


def _announce() -> None:
    """Say once that compiling takes its time."""
    if not _announced.is_set():
        _announced.set()
        logging.getLogger(__name__).warning(
            "fdtrace: preparing the scanner for large captures, once after installation: half a minute …"
        )
