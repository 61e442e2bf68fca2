"""What happened: from the rows of a capture to the lives of its descriptors.

`effects` is the only place that knows system calls, `tasks` keeps threads,
processes and tables, `fold` applies effects to tables in the kernel's order,
`uses` attributes reads, writes and errors, `callsites` names who called.
"""
