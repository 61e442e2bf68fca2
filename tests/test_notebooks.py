"""The notebooks run on the samples, and what their prose says is what their cells show."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
IDS = [path.stem for path in NOTEBOOKS]


def source(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


# -- as they are stored ----------------------------------------------------------


def test_there_are_three() -> None:
    assert IDS == ["01-first-look", "02-leak-hunt", "03-sockets"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_it_is_stored_without_outputs_and_without_traces_of_a_machine(path: Path) -> None:
    notebook = source(path)
    assert path.read_text(encoding="utf-8") == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    nbformat.validate(notebook)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_it_tells_a_story_and_leads_somewhere(path: Path) -> None:
    cells = source(path)["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    assert re.match(r"# \w", "".join(cells[0]["source"]))
    assert len(prose) > 2_000
    assert len(re.findall(r"^# ", prose, re.MULTILINE)) == 1
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        assert (path.parent / target).exists(), target


# -- as they run -----------------------------------------------------------------


class Ran:
    """A notebook that was executed: what its cells show, one text for each cell with code."""

    def __init__(self, notebook: Any) -> None:
        self.cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        self.text = "\n".join(self.of(cell) for cell in self.cells)

    def of(self, cell: Any) -> str:
        return "\n".join(
            part.text if part.output_type == "stream" else part.data.get("text/plain", "")
            for part in cell.outputs
        )

    def cell(self, code: str) -> str:
        """What the one cell shows that has this in its code, its blanks made one."""
        (found,) = [cell for cell in self.cells if code in cell.source]
        return " ".join(self.of(found).split())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Ran]]:
    """Executes a notebook by its name, once, in its own directory, as a person would who opens it there."""
    home = tmp_path_factory.mktemp("jupyter")
    done: dict[str, Ran] = {}
    changed = pytest.MonkeyPatch()
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        changed.setenv(name, str(home))

    def execute(name: str) -> Ran:
        if name not in done:
            (path,) = [one for one in NOTEBOOKS if one.stem == name]
            notebook = nbformat.read(path, as_version=4)
            NotebookClient(
                notebook,
                timeout=120,
                startup_timeout=60,
                kernel_name="python3",
                resources={"metadata": {"path": str(path.parent)}},
            ).execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
            done[name] = Ran(notebook)
        return done[name]

    yield execute
    changed.undo()


@pytest.mark.slow
@pytest.mark.parametrize("name", IDS)
def test_every_cell_runs_without_a_warning_and_shows_something(name: str, run: Callable[[str], Ran]) -> None:
    for cell in run(name).cells:
        assert cell.outputs, cell.source
        for output in cell.outputs:
            assert output.output_type in ("stream", "execute_result", "display_data")
            assert output.get("name", "stdout") == "stdout", output.text


@pytest.mark.slow
def test_what_fdtrace_gives_shows_itself(run: Callable[[str], Ran]) -> None:
    shown = {cell.source.splitlines()[-1]: cell.outputs[-1].data for cell in run("01-first-look").cells}
    for last in ("case", "found", "story", "case.coverage", "case.timeline()"):
        assert "<style>" in shown[last]["text/html"]
        assert shown[last]["text/plain"]
    assert shown["case.timeline()"]["image/svg+xml"].startswith("<svg")


@pytest.mark.slow
def test_first_look(run: Callable[[str], Ran]) -> None:
    ran = run("01-first-look")
    assert "python3.1 (pid 23109) leaks 16 descriptors, 13 of them in 95 s" in ran.cell("stock-service")
    found = ran.cell("found = case.leaks()")
    assert "HIGH 16 files (/srv/stock/stock.db) are never closed" in found
    assert "56 were seen being opened, 42 of these closed; 3 were open before the trace" in found
    assert "inherited 0 3 open 42 14" in ran.cell('groupby(["via", "how"]')
    assert re.search(r"min 0\.75 .* 50% 1\.03 .* max 1\.38", ran.cell("describe()"))
    idle = json.loads(ran.cell("idle.round"))
    assert len(idle) == 14
    assert min(idle) > 1.38 * 5
    assert ran.cell("opened = database") == f"'{'0001' * 14}'"
    story = ran.cell("case.story(")
    assert "It was made by openat() in pysqlite_connection_init." in story
    assert "[/proc] /srv/stock/stock.db" in story
    assert "Never closed: still open when the capture ends." in story
    assert "attached to what was already running" in ran.cell("case.coverage")
    assert "No leak found in 12 s and 1,031 calls of 3 processes" in ran.cell("web-server")


@pytest.mark.slow
def test_leak_hunt(run: Callable[[str], Ran]) -> None:
    ran = run("02-leak-hunt")
    grown = ran.cell("grown = listed")
    assert "kind char eventfd file netlink tcp" in grown
    assert re.findall(r"00:00 (\d+ \d+ \d+ \d+ \d+)", grown) == ["3 13 1 1 8", *["2 24 1 0 16"] * 3]
    states = ran.cell("ours = looks.sockets")
    assert "peer 127.0.0.1:9002 state CLOSE_WAIT" in states
    assert re.findall(r"00:00 (\d+)", states) == ["8", "16", "16", "16"]
    alone = ran.cell("looks.leaks()")
    assert re.search(r"HIGH 16 TCP sockets to 127.0.0.1:9002 in CLOSE_WAIT .* MEDIUM 24 eventfds", alone)
    assert "opened by" not in alone
    assert "opened by lws_plat_pipe_create" in ran.cell("found = case.leaks()")
    places = ran.cell('groupby(["kind", "call_site", "how"]')
    assert "eventfd lws_plat_pipe_create 0 24" in places
    assert "report_metrics 8 16" in places
    assert "netlink rops_pt_init_destroy_netlink 24 0" in places
    assert "40 in a leak finding" in ran.cell("case.timeline()")
    socket = ran.cell("sockets = found.table")
    assert re.search(r'read\(3<TCP:.*, "", 64\) = 0 .*\[ss\] tcp .* CLOSE_WAIT .* Never closed', socket)
    assert ran.cell("reports = case.fds") == f"'{'011' * 8}'"
    listing = ran.cell("gateway.c")
    assert "66 if (read(s, buf, sizeof buf) <= 0 && n % 3) return; 67 close(s);" in listing
    assert '63 if (connect(s, (struct sockaddr *)&a, sizeof a) < 0) { perror("metrics"); return; }' in listing
    assert ran.cell("eventfds = found.table").endswith("lws_create_context ← recognise ← main")
    assert "context 24 0 0.1018" in ran.cell("case.lws_objects.groupby")
    assert ran.cell("beside = ").count("exit") == 6
    eventfd = ran.cell("fd=eventfds[")
    assert "[lws] context 1 destroyed, after 132.9 ms" in eventfd
    assert "[lsof] [eventfd:1]" in eventfd
    assert "4.3.7 and 4.4.2 do" in ran.cell('eventfds["advice"]')
    assert "reaches its limit of 20,000 in about 72 minutes" in ran.cell("print(str(found)")


@pytest.mark.slow
def test_sockets(run: Callable[[str], Ran]) -> None:
    ran = run("03-sockets")
    over_time = ran.cell('looks.groupby(["at", "state"]')
    assert "CLOSE_WAIT FIN_WAIT2 LISTEN TIME_WAIT" in over_time
    assert re.findall(r"00:00 (\d+ \d+ \d+ \d+)", over_time) == ["8 8 2 15", *["16 16 2 26"] * 3]
    assert "CLOSE_WAIT gateway FIN_WAIT2 16 FIN_WAIT2 NaN CLOSE_WAIT 16" in ran.cell("pairs.groupby")
    first = ran.cell('"closed first"')
    assert "the gateway the recogniser 18 the metrics collector the gateway 8" in first
    outcomes = ran.cell("def outcome")
    assert "127.0.0.1:9001 we closed first 18 ESTABLISHED" in outcomes
    assert "127.0.0.1:9002 the peer ended, then we closed 8 CLOSE_WAIT" in outcomes
    assert "the peer ended, we never closed 16 CLOSE_WAIT" in outcomes
    assert "127.0.0.1:9009 never connected 6 CLOSE" in outcomes
    assert ran.cell("answered = ") == "count 8.00 min 0.53 max 4.17 dtype: float64"
    (curve,) = [cell for cell in run("03-sockets").cells if "figure" in cell.source]
    lines = curve.outputs[0].data["application/vnd.plotly.v1+json"]["data"]
    assert [line["name"] for line in lines] == ["127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9009"]
    assert "1 3 3 2 2 3 3 2 3" in ran.cell('server.sockets.groupby(["snapshot", "state"]')
    assert ran.cell("server.check(").startswith("No leak found")


# -- the page about them ---------------------------------------------------------


def test_the_examples_of_the_page_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All in one place, one after the other, as they are read."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "notebooks.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(examples) >= 4
    names: dict[str, Any] = {}
    for example in examples:
        exec(example, names)
    assert {path.name for path in tmp_path.iterdir()} - {"samples"} == {"fds.parquet", "findings.json"}
    assert names["by_site"]["report_metrics"] == 16
    assert [kind for kind, _ in names["rows"]][:2] == ["eventfd", "tcp"]


def test_the_page_names_every_notebook() -> None:
    page = (ROOT / "docs" / "notebooks.md").read_text(encoding="utf-8")
    assert all(f"(../notebooks/{path.name})" in page for path in NOTEBOOKS)
