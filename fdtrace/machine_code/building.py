"""Machine code made by numba: the function with all its parts, and an entry that finds its arguments.

Nothing of numba is left in it: no array is made, nothing is raised, and what it
calls is copying and filling of memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.np import arrayobj

from .kernels import REFUSED, WHOLE
from .running import PLAIN, Layout, NotAsKnown, machine

if TYPE_CHECKING:
    from .kernels import Kernel, Shape

_WORD, _BYTE, _HALF = ir.IntType(64), ir.IntType(8), ir.IntType(32)
_FROM_C = {"memcpy", "memset", "memmove", "memcmp", "bcmp"}


def built(kernel: Kernel, shapes: tuple[Shape, ...], name: str) -> bytes:
    """An object file with the kernel for arguments of these shapes, whose entry has this name."""
    given = tuple(map(_type, shapes))
    dispatcher = kernel.dispatcher
    dispatcher.compile(given)
    made = dispatcher.overloads[given]
    module = llvm.parse_assembly(dispatcher.inspect_llvm(given))
    module.link_in(llvm.parse_assembly(str(_entry(made, shapes, given, name))))
    for function in module.functions:
        if not function.is_declaration and function.name != name:
            function.linkage = "internal"
    processor = machine()
    builder = llvm.create_pass_builder(processor, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
    foreign = {f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")}
    if foreign - _FROM_C:
        raise NotAsKnown(f"{kernel.function.__name__} needs {', '.join(sorted(foreign))}")
    return bytes(processor.emit_object(module))


def _type(shape: Shape) -> Any:
    if shape == WHOLE:
        return types.int64
    return types.Array(from_dtype(np.dtype(shape[0])), shape[1], "C")


def _entry(made: Any, shapes: tuple[Shape, ...], given: tuple[Any, ...], name: str) -> Any:
    """A function of C: the address of ndarray, that of the arguments, numbers; see `running.entry`."""
    context = made.target_context
    module = ir.Module(name)
    module.triple = llvm.get_process_triple()
    numbers = shapes.count(WHOLE)
    entry = ir.Function(module, ir.FunctionType(_WORD, [_WORD] * (2 + numbers)), name)
    builder = ir.IRBuilder(entry.append_basic_block())
    array_type, arguments, *rest = entry.args
    _expect(builder, _at(builder, arguments, Layout.LENGTH), _WORD(len(shapes)))
    values = []
    for at, (shape, kind) in enumerate(zip(shapes, given, strict=True)):
        if shape == WHOLE:
            values.append(rest.pop(0))
            continue
        address = _at(builder, arguments, Layout.ITEMS + 8 * at)
        _expect(builder, _at(builder, address, Layout.TYPE), array_type)
        values.append(_array(context, builder, address, np.dtype(shape[0]), kind))
    function = context.declare_function(module, made.fndesc)
    status, result = context.call_conv.call_function(
        builder, function, made.fndesc.restype, made.fndesc.argtypes, values
    )
    _expect(builder, status.is_ok, ir.IntType(1)(1))
    if made.signature.return_type == types.none:
        builder.ret(_WORD(0))
    else:
        builder.ret(context.cast(builder, result, made.signature.return_type, types.int64))
    return module


def _array(context: Any, builder: Any, address: Any, dtype: np.dtype[Any], kind: Any) -> Any:
    """The array at an address as numba sees it, after a look at whether it is of this kind."""
    known = _at(builder, address, Layout.DTYPE)
    flags = builder.and_(_at(builder, address, Layout.FLAGS, _HALF), _HALF(PLAIN))
    _expect(builder, flags, _HALF(PLAIN))
    _expect(builder, _at(builder, address, Layout.DIMENSIONS, _HALF), _HALF(kind.ndim))
    _expect(builder, _at(builder, known, Layout.NUMBER, _HALF), _HALF(dtype.num))
    _expect(builder, _at(builder, known, Layout.ORDER, _BYTE), _BYTE(ord(dtype.byteorder)))
    shape, strides = _at(builder, address, Layout.SHAPE), _at(builder, address, Layout.STRIDES)
    array = context.make_array(kind)(context, builder)
    populate: Any = arrayobj.populate_array
    populate(
        array,
        data=builder.inttoptr(_at(builder, address, Layout.DATA), array.data.type),
        shape=[_at(builder, shape, 8 * i) for i in range(kind.ndim)],
        strides=[_at(builder, strides, 8 * i) for i in range(kind.ndim)],
        itemsize=_WORD(dtype.itemsize),
        meminfo=None,
    )
    return array._getvalue()


def _at(builder: Any, address: Any, offset: int, kind: Any = _WORD) -> Any:
    """What stands so many bytes behind an address."""
    return builder.load(builder.inttoptr(builder.add(address, _WORD(offset)), kind.as_pointer()))


def _expect(builder: Any, seen: Any, wanted: Any) -> None:
    """Refuse the call unless two numbers are equal."""
    with builder.if_then(builder.icmp_unsigned("!=", seen, wanted), likely=False):
        builder.ret(_WORD(REFUSED))
