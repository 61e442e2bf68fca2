"""Record, mend, record again: what diff says of a program whose source is known."""

import shutil
import subprocess
from pathlib import Path

import pytest

import fdtrace

SOURCE = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline)) int OPENER(int job) { return open("/etc/hostname", O_RDONLY); }
__attribute__((noinline)) int read_conf(void) {
    char text[8];
    int conf = open("/etc/passwd", O_RDONLY);
    for (int i = 0; i < 12; i++) if (read(conf, text, 8) < 0) return -1;
    return close(conf);
}
__attribute__((noinline)) void handle(int job, int stays) {
    char text[8];
    if (read_conf() < 0) exit(1);
    if (getenv("SKIP")) return;
    int fd = OPENER(job);
    if (read(fd, text, 8) < 0) exit(1);
    if (job % 10 >= stays) close(fd);
}
int main(int argc, char **argv) {
    for (int job = 0; job < atoi(argv[1]); job++) handle(job, atoi(argv[2]));
    return 0;
}
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None or shutil.which("strace") is None:
        pytest.skip("gcc or strace is missing")
    place = tmp_path_factory.mktemp("built")
    (place / "jobs.c").write_text(SOURCE)
    for name, opener in (("jobs", "open_name"), ("renamed", "fetch_name")):
        command = ["gcc", "-O1", f"-DOPENER={opener}", "-o", name, "jobs.c"]
        if subprocess.run(command, cwd=place, capture_output=True, check=False).returncode:
            pytest.skip("gcc cannot build here")
    return place


def record(
    built: Path, name: str, jobs: int, stays: int, *options: str, program: str = "jobs", skip: str = ""
) -> Path:
    out = built / f"{name}.strace"
    environment = {"SKIP": skip} if skip else {}
    done = subprocess.run(
        ["strace", "-o", str(out), *options, f"./{program}", str(jobs), str(stays)],
        cwd=built, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"strace cannot trace here: {done.stderr[:100]}")
    return out


FULL = ("-f", "-ttt", "-yy", "-k", "-e", "trace=execve,openat,read,close")


@pytest.mark.live
@pytest.mark.parametrize("options", [FULL, ("-f", "-ttt", "-T", "-yy"), ()], ids=["stacks", "names", "plain"])
def test_a_fix_is_told_from_what_is_none(built: Path, options: tuple[str, ...]) -> None:
    before = record(built, "before", 40, 10, *options)
    after = {
        "fixed": record(built, "fixed", 40, 0, *options),
        "not fixed": record(built, "half", 60, 5, *options),
        "cannot tell": record(built, "few", 2, 0, *options),
    }
    assert {told: fdtrace.diff(before, path, severity="low").verdict for told, path in after.items()} == {
        told: told for told in after
    }
    assert fdtrace.diff(after["fixed"], before, severity="low").verdict == "worse"


@pytest.mark.live
@pytest.mark.slow
def test_a_renamed_function_and_one_that_did_not_run(built: Path) -> None:
    before = record(built, "before", 40, 10, *FULL)
    moved = fdtrace.diff(before, record(built, "moved", 40, 10, *FULL, program="renamed"), severity="low")
    assert [(one.status, one.moved) for one in moved] == [("same", True)]
    mended = fdtrace.diff(before, record(built, "mended", 40, 0, *FULL, program="renamed"), severity="low")
    assert (mended.verdict, mended[0].heirs) == ("fixed", ("fetch_name",))
    skipped = fdtrace.diff(before, record(built, "skipped", 40, 0, *FULL, skip="1"), severity="low")
    assert (skipped.verdict, skipped[0].why) == ("cannot tell", "not opened")
