"""Reading captures: what was written, line by line, and nothing about what it means.

`text` turns a path or stdin into blocks of bytes and is the only module that
opens files (`decode` unpacks them); `sniff` says what kind of capture the first
bytes are (`foreign` holds the marks of everything else); `bundle` sorts the
named inputs into captures (`families` knows the files of `strace -ff`). Each
format has a module of its own. Nothing here raises on content: what cannot be
used becomes a problem row.
"""
