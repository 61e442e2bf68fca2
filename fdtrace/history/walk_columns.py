"""How tables that are lent stand in the arrays of the compiled walk."""

from __future__ import annotations

# Columns of a record: one descriptor that is open in a lent table, or was.
(
    R_PY, R_FD, R_TABLE, R_FLAGS, R_STATE, R_SPECIES, R_IDENT, R_OFD, R_BRAND, R_HELD,
    R_USES, R_ERRORS, R_READ, R_WRITTEN, R_LAST, R_STATED, R_OPENED, R_CLOSED,
) = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 22, 30, 38)  # fmt: skip
"""R_PY is 1 where there is a `Life`, else -1; R_LAST, R_STATED, R_OPENED and R_CLOSED begin a place."""
R_OWN, R_FAR, R_OTHER, R_TWIN = 46, 47, 48, 49
"""Of one end of a pipe or pair: its inode and the other end's, -1 where not told; the other's number. R_TWIN
says what its copies have in common."""
R_SAID, R_LOCAL, R_PEER, R_NAME, R_FAILED = 50, 51, 52, 53, 54
"""What calls have said of it alone, 0 where they did not: its state and why (a number of `Forms`), its
addresses, its name; R_FAILED begins the place where it failed. See `walk_forms` for their spelling."""
UNKNOWN_TWIN, NO_TWIN = -1, -2
"""Before anybody asked; when a copy needs a second look."""
RECORD = 62
A_POS, A_SEQ, A_LINE, A_OFFSET, A_CLOCK, A_TID, A_CODE, A_STACK = range(8)
"""Columns of a place in the capture; the position is -1 where there is none."""
PLACE = 8

FOREIGN, NAMED, STREAM, CONNECTION, FANOTIFY = 1, 2, 4, 8, 16
FIRST, SECOND, CLOEXEC_ON, CLOEXEC_OFF, OVER, DECIDED = 512, 32, 64, 128, 256, 1024
"""R_FLAGS: a copy of a fork that is still its parent's life; what follows from target and kind; the first
or second of two that one call made; close-on-exec since its creation; ended by a dup2 onto its number;
a call decided its state or an address."""
OTHER, FIN_WAIT, CLOSE_WAIT, CLOSED_STATE, SYN_SENT, LISTENING = range(6)
"""R_STATE, as far as anybody asks."""

F_FLAGS, F_STATE, F_CLOEXEC, F_TWIN, F_KIN, F_SAID, F_FAILS, F_LOCAL, F_PEER = range(9)
"""Columns of a form: of a species what its records begin with, and what tells their names from each other;
of a call that decides the state it leaves, whether it failed, and where an address comes from."""
FORM = 9
NO_KIN, BY_NAME, BY_LOCAL = range(3)
"""F_KIN: nothing; the name; where it was accepted."""
KEEPS, GIVEN, HOSTS = 0, -1, 1 << 32
"""F_LOCAL and F_PEER: nothing is said; the numbers in the text are the address, or the port of a host that
the form knows (-2 and below); else it is an address. Hosts from HOSTS on are those that have a name."""

C_RECORD, C_FLAGS, C_CLOSED = 0, 1, 2
"""Columns of a cell, one for each number of a table; C_CLOSED begins the place of the last close."""
CELL = 10
CLOEXEC, TOUCHED, SHUT, BARRED, NOTED = 1, 2, 4, 8, 16
"""C_FLAGS: close-on-exec; made or closed since it was lent; closed since then; not to be made in the walk;
made before, or of a table of which nobody asks what it made."""

(
    T_BASE, T_CELLS, T_COUNT, T_FILLED, T_CHANGED, T_PEAK, T_FLIGHTS, T_POSITION, T_LEVEL, T_ROWS,
    T_USERS, T_PID,
) = range(12)  # fmt: skip
"""Columns of a lent table; T_POSITION and T_LEVEL are the last point of its curve, T_ROWS counts its rows,
T_USERS those threads of its process, whose number is T_PID, that use it and have seats."""
TABLE = 12

K_TABLE, K_OP, K_OLD, K_SHUT, K_CLOEXEC, K_FD, K_AT = range(7)
"""Columns of a thread: its table, the call that is under way and what its entry did; K_AT begins a place."""
K_STANDING, K_TID, K_CHILD, K_KNOWN, K_KIN, K_STARTED, K_LEAVING = 14, 15, 16, 17, 18, 19, 27
"""What has become of it; its number; that of the child of its call; whether there is a `Task`, and whether
it is of the process that the table is of; the places of its first row and of its exit begin there."""
THREAD = 35
NO_CALL, UNKNOWN_CALL = -1, -2
"""K_OP: no call is under way; one that only the fold knows."""
SILENT, EXITING, HAS_LEFT, GONE, STIRRED, QUITTING = 1, 2, 4, 8, 16, 32
"""K_STANDING: it has printed no line yet; it is about to end; it does not use its table any more; it has
ended; one of these has changed, and its `Task` does not say so; it has told its whole process to end."""
NOBODY, FORMER = -1, -2
"""K_CHILD: nobody is known yet; of one that is over stands there what its number is short of FORMER."""
NOT_LENT, ALONE, DEPARTED, UNMET = -1, -2, -3, -4
"""In place of a thread: it is the fold's; so is its next row, alone, for it may be another thread by then;
it is over; so is one that never printed a line."""
EXPECTED, QUIET = -7, -9
"""So long as nobody of a number has printed a line, a known thread stands there as what its place, or ALONE,
is short of QUIET: EXPECTED is one of the fold."""

S_STREAM_END, S_READS, S_WRITES, S_USES, S_CREATES, S_ACCEPTS, S_OPENS, S_TAKEN = (
    1,
    2,
    4,
    8,
    16,
    32,
    64,
    128,
)
"""What matters of a system call; S_TAKEN: the walk knows what it does."""
S_ASK, S_SENDS, S_PLAIN, S_HOLDS, S_FLIES, S_CLOSES = 256, 512, 1024, 2048, 4096, 8192
S_ASK_SUCCESS, S_PAIR, S_COMMAND, S_OPTION = 1 << 14, 1 << 15, 1 << 16, 1 << 17
S_LIMIT, S_IDENTITY, S_MESSAGE, S_COPIES, S_OVER = 1 << 18, 1 << 19, 1 << 20, 1 << 21, 1 << 22
S_FAILS, S_QUITS, S_SPAWNS, S_EXITS = 1 << 23, 1 << 27, 1 << 28, 1 << 29
"""S_ASK: its text decides about a socket, or where it succeeded; S_PLAIN: a use by its result;
S_HOLDS: it may hold a number before it returns; S_FLIES: the table knows that it is under way; S_PAIR: it
makes two; S_COMMAND: what it does is its command's, with S_OPTION one in two words; S_LIMIT and
S_IDENTITY: it may tell a limit, or its caller's number; S_MESSAGE: it may carry descriptors, with
S_SENDS from its entry on; S_COPIES: it makes a copy, S_OVER: onto a number that may be open; S_FAILS: the
walk knows what it does where it fails; S_SPAWNS: it may make a thread; S_EXITS: it ends its own,
S_QUITS: its whole process."""
DULL, RESETS, HARD, BAD = range(4)
"""Errors that mean nothing, those that end a connection, and those that are told: no number was free, or
there is none such."""

(
    AT, POS, DUE, BATCH, BEGUN, ENDED, CURVE, WIDTH, OFDS, IDENTS, SETTLED, FREE, KEY, MET, LIMIT, WHO, WHAT,
    MADE, LIST,
) = range(19)  # fmt: skip
WANTED, SPELLED, SPELLED_AT, TEXTS, TEXT_STOP = range(LIST + 6, LIST + 11)
"""What the walk remembers: its row, the position, when news are due, how much stands in each list, the
width of the parts of curves, the next numbers, whether a question was answered, and what one is about;
the species of a creation, and six numbers from a list of two (LIST is the first), or an address, and
the length of a path; what is wanted of Python, the length and row of a text that it has written, how many
texts are known, and where the one that is read ends."""
(BIRTHS, ALIVE, SILENTS, SEATS, BORN, STIR, WAITING, FOLLOWED, PARTED) = range(TEXT_STOP + 1, TEXT_STOP + 10)
"""Whether threads may be born in the walk, how many more may live, how many living ones are silent, how many
seats are free; how much stands in the lists of those that were born and of those that changed, and of calls
that make one; whether a thread that one of these made has printed a line; how many records were closed that
were still a parent's lives, which ends nothing."""
STATE = TEXT_STOP + 10
BY_NUMBER, BY_SIGHT = 1, 2
"""BIRTHS: threads may be born when their parent's call returns, or with their first row, too."""
DONE, ROWS, ASK, NEW_SPECIES, GROW, PUBLISH, ROOM, NOTE, NEW_WORDS, OWN, NO_SEAT = range(11)
"""Why it stopped: no more rows; rows for the fold; a call's text; what is WANTED; a number beyond the cells;
news to tell; no more records; a number that a table makes for the first time; a command; the
first use of what was a parent's; no more seats for threads."""
A_FORM, A_TEXT, A_DESCRIPTION = range(3)
"""WANTED: what a new form means; a text that stands elsewhere; what the annotation of a stranger says."""
NOTHING, SETS, CLEARS, LOOK, COPIES, COPIES_ON, DECIDES, SHARES = range(32, 40)
"""What a command does: nothing, it sets or clears close-on-exec, its text has to be looked at, it makes a
copy that stays open on exec, or one that does not; it decides about a socket what the form says; or it makes
a thread that shares its caller's table."""
L_BATCH, L_BEGUN, L_ENDED, L_FREE, L_SEATS, L_BORN, L_STIR, L_WAITING, L_PARTED = range(9)
LOGS = 9
LONGEST_KEY = 1024
LONGEST_TEXT = 2 * LONGEST_KEY
SLACK = 8 * LONGEST_KEY
"""So much room is behind the arena's end for what is being read: a text, and from ASIDE on a path."""
ASIDE = 6 * LONGEST_KEY
MOST_NUMBERS = 1 << 16
FIRST_LIMIT = 64
"""So many rows the fold takes at a time while tables are lent (LIMIT)."""
