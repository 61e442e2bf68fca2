"""What stands behind the addresses of stacks: functions, files and lines, from programs and debug files.

`elf` reads such files, `names` knows their functions, `folders` finds them,
`fitting` proves that they are what the capture was taken of, `lines` asks
addr2line or llvm-symbolizer, `dwarf` does without; `resolve` brings it together.
"""
