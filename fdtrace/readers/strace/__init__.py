"""Reading strace: text in, windows of columns out.

`layout` knows what stands before a call, `lines` cuts text into lines,
`records` turns them into rows, `salvage` mends what foreign text broke,
`window` is the column contract that any scanner of strace has to keep,
`args` is the argument language, `stacks` the frames of ``-k``.
"""
