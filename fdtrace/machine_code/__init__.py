"""Functions over arrays as machine code that is made once, kept, and run without the compiler.

    @part                     a function that is compiled into those that call it
    @compiled                 a function that Python calls

numba makes the code (`building`), which takes its time once after installation;
a file for each function keeps it (`keeping`); llvmlite alone loads it again
(`running`), in a hundredth of the time that importing numba takes. What a
function means stands in its Python source; `kernels` finds out from it, and from
the arguments of the first call, which file is the right one.

A compiled function takes numpy arrays (contiguous, of whole numbers) and whole
numbers, and gives a whole number or nothing. It must not raise, and makes no array.
"""

from __future__ import annotations

from .kernels import compiled, is_kept, part

__all__ = ["compiled", "is_kept", "part"]
