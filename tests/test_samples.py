"""What is to be found in the samples, and nothing else."""

import lzma
import re
from pathlib import Path

import pytest

import fdtrace

SAMPLES = Path(__file__).parent.parent / "samples"
SERIOUS = ("medium", "high")


def serious(found: fdtrace.Findings) -> list[fdtrace.Finding]:
    return [finding for finding in found if finding.severity in SERIOUS]


def accounted(case: fdtrace.Case) -> dict[str, int]:
    """Lines of each capture; every one of them is in one of four heaps, and none is a problem."""
    for one in case.coverage:
        assert one.lines == one.parsed + one.continuation + one.blank + one.problems
        assert one.problems == 0
    return {Path(one.capture).name: one.lines for one in case.coverage}


@pytest.mark.parametrize("sample", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_a_sample_is_small_explained_and_tells_nothing_of_where_it_was_made(sample: Path) -> None:
    files = [path for path in sample.iterdir() if path.name != "README.md"]
    readme = (sample / "README.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}`" in readme for path in files)
    assert sum(path.stat().st_size for path in files) < 200_000
    assert (
        f"fdtrace leaks samples/{sample.name}" in readme or f"fdtrace check samples/{sample.name}" in readme
    )


class TestGateway:
    """samples/lws-gateway: two leaks, in six captures."""

    SAMPLE = SAMPLES / "lws-gateway"

    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> fdtrace.Case:
        return fdtrace.load(cls.SAMPLE)

    def test_exactly_two_leaks(self, case: fdtrace.Case) -> None:
        eventfds, sockets = serious(case.leaks())
        assert {eventfds.severity, sockets.severity} == {"high"}
        assert (eventfds.kind, eventfds.open, eventfds.opened, eventfds.closed) == ("eventfd", 24, 24, 0)
        assert (sockets.kind, sockets.open, sockets.opened, sockets.closed) == ("tcp", 16, 24, 8)
        assert {eventfds.pid, sockets.pid} == {12692}

    def test_the_call_sites(self, case: fdtrace.Case) -> None:
        eventfds, sockets = case.leaks()[:2]
        assert eventfds.call_site == "lws_plat_pipe_create"
        assert eventfds.callers == ("__lws_create_event_pipes", "lws_create_context", "recognise", "main")
        assert sockets.call_site == "report_metrics"
        assert sockets.callers[-1] == "main"

    def test_the_proof(self, case: fdtrace.Case) -> None:
        eventfds, sockets = case.leaks()[:2]
        assert (sockets.state, sockets.state_source) == ("CLOSE_WAIT", "lsof, netstat, ss")
        assert sockets.peer == "127.0.0.1:9002"
        assert any(quote.text.endswith(" = 0") or ", 64) = 0" in quote.text for quote in sockets.evidence)
        assert any(quote.file.endswith("lsof.txt") for quote in sockets.evidence)
        assert any("24 contexts created, 24 destroyed" in reason for reason in eventfds.reasons)
        assert eventfds.evidence[0].line == 958
        assert eventfds.evidence[0].text.startswith("eventfd2(0, EFD_CLOEXEC|EFD_NONBLOCK) = 4")
        assert {eventfds.certainty, sockets.certainty} == {"certain"}

    def test_no_other_check_finds_anything_serious(self, case: fdtrace.Case) -> None:
        assert [finding.check for finding in serious(case.check())] == ["leak", "leak"]

    def test_the_table_at_the_end_is_the_kernels(self, case: fdtrace.Case) -> None:
        """The last of the four snapshots was taken when the program was idle, before it was ended."""
        last = (self.SAMPLE / "procfd.txt").read_text().split("\n# ")[-1]
        rows = [line.split() for line in last.splitlines() if "->" in line]
        listed = {int(words[-3]): words[-1] for words in rows}
        still = case.fds[case.fds["how"].isin(["none", "exit"])]
        assert len(still) == len(listed) == 43
        assert set(still["fd"]) == set(listed)
        sockets = still[still["kind"] == "tcp"]
        assert {listed[fd].split(":")[0] for fd in sockets["fd"]} == {"socket"}
        assert list(sockets["state"]) == ["CLOSE_WAIT"] * 16
        assert sockets["state_source"].str.startswith("ss, netstat, lsof (").all()

    def test_every_line_of_all_six_is_accounted_for(self, case: fdtrace.Case) -> None:
        assert accounted(case) == {
            "gateway.strace.gz": 16_205,
            "lsof.txt": 199,
            "lws.log": 223,
            "netstat.txt": 217,
            "procfd.txt": 160,
            "ss.txt": 221,
        }
        trace, *listings = case.coverage
        assert trace.missing == ()
        assert len(case.events) == trace.calls
        assert [one.snapshots for one in listings] == [4, 0, 4, 4, 4]

    @pytest.mark.parametrize(
        ("files", "gains"),
        [
            (["lsof.txt"], {"tcp": 16, "eventfd": 24}),
            (["netstat.txt", "procfd.txt"], {"tcp": 16, "eventfd": 24}),
            (["ss.txt"], {"tcp": 16}),
        ],
        ids=lambda value: "+".join(value) if isinstance(value, list) else "",
    )
    def test_snapshots_alone_show_the_growth(self, files: list[str], gains: dict[str, int]) -> None:
        case = fdtrace.load(*(self.SAMPLE / file for file in files))
        found = serious(case.leaks())
        assert {finding.kind: finding.open for finding in found} == gains
        (sockets,) = [finding for finding in found if finding.kind == "tcp"]
        assert (sockets.severity, sockets.state, sockets.peer) == ("high", "CLOSE_WAIT", "127.0.0.1:9002")
        assert {finding.certainty for finding in found} == {"inferred"}
        assert {finding.call_site for finding in found} == {None}

    def test_the_log_alone_has_nothing_wrong(self) -> None:
        case = fdtrace.load(self.SAMPLE / "lws.log")
        assert serious(case.check()) == []
        contexts = case.lws_objects[case.lws_objects["group"] == "context"]
        assert len(contexts) == 24
        assert not contexts["open"].any()


class TestStockService:
    """samples/stock-service: a leak on an error path, traced after an attach."""

    SAMPLE = SAMPLES / "stock-service"
    PID = 23109

    @pytest.fixture(scope="class")
    @classmethod
    def case(cls) -> fdtrace.Case:
        return fdtrace.load(cls.SAMPLE)

    def test_exactly_one_leak(self, case: fdtrace.Case) -> None:
        (leak,) = serious(case.check())
        assert (leak.check, leak.severity, leak.pid) == ("leak", "high", self.PID)
        assert (leak.kind, leak.target) == ("file", "/srv/stock/stock.db")
        assert leak.call_site == "pysqlite_connection_init"
        assert (leak.opened, leak.closed) == (56, 42)

    def test_what_was_open_before_the_attach_counts(self, case: fdtrace.Case) -> None:
        (leak,) = serious(case.leaks())
        assert leak.open in (16, 17)  # the last one is opened shortly before the end
        assert any("3 were open before the trace began (lsof.txt, " in reason for reason in leak.reasons)
        (alone,) = serious(fdtrace.load(self.SAMPLE / "stock.strace.xz").leaks())
        assert (alone.open, alone.call_site) == (leak.open - 3, leak.call_site)

    def test_the_table_at_the_end_is_the_kernels(self, case: fdtrace.Case) -> None:
        last = (self.SAMPLE / "proc.txt").read_text().split("\n# ")[-1]
        listed = dict(re.findall(r" (\d+) -> (.+)", last))
        still = case.fds[(case.fds["pid"] == self.PID) & (case.fds["how"] == "none")]
        assert {str(fd) for fd in still["fd"]} == set(listed)
        files = still[still["kind"] == "file"].set_index("fd")["target"]
        assert {fd: listed[str(fd)] for fd in files.index} == files.to_dict()
        assert (files == "/srv/stock/stock.db").sum() == 17

    def test_every_line_is_accounted_for(self, case: fdtrace.Case) -> None:
        lines = accounted(case)
        assert set(lines) == {"stock.strace.xz", "lsof.txt", "proc.txt", "ss.txt"}
        packed = (self.SAMPLE / "stock.strace.xz").read_bytes()
        assert lines["stock.strace.xz"] == lzma.decompress(packed).count(b"\n")

    @pytest.mark.parametrize("file", ["lsof.txt", "proc.txt"])
    def test_snapshots_alone_show_the_growth(self, file: str) -> None:
        (leak,) = serious(fdtrace.load(self.SAMPLE / file).check())
        assert (leak.check, leak.pid, leak.open) == ("leak", self.PID, 17)
        assert leak.target == "/srv/stock/stock.db"

    def test_connections_that_are_closed_are_no_finding(self) -> None:
        assert serious(fdtrace.load(self.SAMPLE / "ss.txt").check()) == []

    def test_the_limit_is_known_from_proc(self) -> None:
        (coverage,) = fdtrace.load(self.SAMPLE / "proc.txt").coverage
        assert coverage.limit == 1024


class TestMendedStockService:
    """samples/stock-service-mended: the leak is gone, and enough was done to show it."""

    SAMPLE = SAMPLES / "stock-service-mended"

    def test_nothing_serious_is_found(self) -> None:
        case = fdtrace.load(self.SAMPLE)
        assert serious(case.check()) == []
        accounted(case)

    def test_it_is_the_fix_of_the_other(self) -> None:
        made = fdtrace.diff(SAMPLES / "stock-service", self.SAMPLE)
        assert made.verdict == "fixed"
        (row,) = made.table.itertuples()
        assert (row.call_site, row.before, row.before_work, row.after, row.after_work) == (
            "pysqlite_connection_init", 14, 56, 0, 56,
        )  # fmt: skip

    def test_the_other_way_round_it_is_a_new_leak(self) -> None:
        assert fdtrace.diff(self.SAMPLE, SAMPLES / "stock-service" / "stock.strace.xz").verdict == "worse"


class TestWebServer:
    """samples/web-server: nothing is wrong."""

    SAMPLE = SAMPLES / "web-server"

    @pytest.mark.parametrize("file", ["", "nginx.strace.xz", "lsof.txt", "ss.txt"])
    def test_nothing_serious_is_found(self, file: str) -> None:
        case = fdtrace.load(self.SAMPLE / file)
        assert serious(case.leaks()) == []
        assert serious(case.check()) == []
        accounted(case)

    def test_there_is_enough_that_could_be_taken_for_a_leak(self) -> None:
        case = fdtrace.load(self.SAMPLE)
        last = case.open_files[case.open_files["snapshot"] == 3]
        assert last["name"].str.startswith("/srv/www/files/").sum() == 16
        assert ((last["kind"] == "tcp") & (last["state"] == "ESTABLISHED")).sum() == 2
        assert case.fds["pid"].nunique() == last["pid"].nunique() == 3
