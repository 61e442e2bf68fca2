"""Recording: strace and snapshots into one directory."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from fdtrace.errors import BadArgument, CannotRecord
from fdtrace.report.destination import tell

from .app import app


@app.command(
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
    epilog="Example:  fdtrace record -o before -- ./server --port 8080",
)
def record(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND", help="The program to start, with its arguments."),
    ] = None,
    folder: Annotated[
        str | None, typer.Option("--output", "-o", metavar="DIR", help="The directory to make and fill.")
    ] = None,
    pids: Annotated[
        list[int] | None,
        typer.Option(
            "--pid", "-p", min=1, metavar="PID", help="A running process, with its threads and children."
        ),
    ] = None,
    light: Annotated[
        bool, typer.Option("--light", help="The cheapest that still shows leaks: no reads, writes or waits.")
    ] = False,
    stacks: Annotated[
        bool, typer.Option("--stacks", "-k", help="The stack of each call: who opens what. Slow.")
    ] = False,
    duration: Annotated[
        str | None, typer.Option("--duration", metavar="TIME", help="End after so long: 90s, 10m, 2h.")
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            "--every", metavar="TIME", help="Take snapshots so often; else ever more rarely, 2 s at first."
        ),
    ] = None,
    snapshots: Annotated[
        str, typer.Option("--snapshots", metavar="A,B,…", help="Who takes them, or none.")
    ] = "lsof,ss,netstat,proc",
    max_size: Annotated[
        str | None, typer.Option("--max-size", metavar="SIZE", help="Write no more than this: 500M, 2G.")
    ] = None,
    rotate: Annotated[
        str | None,
        typer.Option("--rotate", metavar="SIZE", help="Keep only the newest of the trace, so much of it."),
    ] = None,
    compress: Annotated[
        bool, typer.Option("--compress", "-z", help="Compress the trace while it is written.")
    ] = False,
    payload: Annotated[
        int,
        typer.Option("--payload", min=2, metavar="N", help="Bytes kept of what is read and written."),
    ] = 4,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print the strace command, and what each option buys.")
    ] = False,
    print_script: Annotated[
        bool, typer.Option("--print-script", help="Only print a shell script that records the same.")
    ] = False,
) -> None:
    """Record a program. With strace and snapshots of its descriptors, into a directory to be analysed."""
    from fdtrace.record import amounts, plan, script
    from fdtrace.record.plan import Plan

    names = [] if snapshots == "none" else [name.strip() for name in snapshots.split(",") if name.strip()]
    wanted = Plan(
        folder or ("recording" if print_script else time.strftime("recording-%Y%m%d-%H%M%S")),
        tuple(command or ()),
        tuple(dict.fromkeys(pids or ())),
        "light" if light else "full",
        stacks,
        payload,
        amounts.seconds("--every", every),
        amounts.seconds("--duration", duration),
        amounts.size("--max-size", max_size),
        amounts.size("--rotate", rotate),
        compress,
        tuple(dict.fromkeys(names)),
    )
    if print_script:
        typer.echo(script.text(wanted), nl=False)
        return
    wanted.check()
    try:
        _record(wanted, dry_run)
    except plan.NoCommand as error:
        tell(f"fdtrace: {error}")
        raise typer.Exit(error.code) from None
    except CannotRecord as error:
        tell(f"fdtrace: {error}")
        raise typer.Exit(plan.FAILED) from None
    except OSError as error:
        tell(f"fdtrace: {error.filename or wanted.folder}: {error.strerror or error}")
        raise typer.Exit(plan.FAILED) from None


def _record(wanted: object, dry_run: bool) -> None:
    from fdtrace.record import plan, run, snapshots, tools

    assert isinstance(wanted, plan.Plan)
    strace = tools.any_strace() if dry_run else tools.find_strace()
    chosen = plan.chosen_options(strace, wanted)
    if dry_run:
        if not strace.path:
            tell(f"strace is not installed here; this is for version {strace.told} and later")
        typer.echo(plan.line(strace, wanted, chosen))
        for option in chosen:
            shown = " ".join(option.words).partition("=")[0].replace("trace", "trace=…")
            tell(f"  {shown:<14} {option.buys}")
        return
    if os.path.lexists(wanted.folder):
        raise BadArgument(f"--output {wanted.folder} exists: name a directory that does not")
    if wanted.command:
        plan.check_command(wanted)
        run.probe(strace, chosen)
        targets: tuple[int, ...] = ()
    else:
        targets = plan.check_targets(wanted)
    if missing := snapshots.Snapshots(wanted.tools, lambda name, text: False).missing:
        tell(f"fdtrace: {plan.missing_tools(missing)}")
    recorder = run.Recorder(wanted, strace, chosen, targets, lambda words: tell(f"fdtrace: {words}"))
    outcome = recorder.run()
    for words in outcome.words:
        tell(f"fdtrace: {words}")
    tell(f"next: fdtrace leaks {wanted.folder}")
    raise typer.Exit(outcome.code)
