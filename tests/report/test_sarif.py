"""SARIF 2.1.0: what its specification demands of what is written, and that source lines are the right ones.

The demands are those of the published JSON schema for every object that occurs here (required properties,
words, no others allowed), written down by hand.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import fdtrace
from fdtrace.report import sarif
from tests.service_trace import never, trace

SHAPES: dict[str, tuple[set[str], set[str]]] = {
    "log": ({"version", "runs"}, {"$schema"}),
    "run": (
        {"tool"},
        {"invocations", "originalUriBaseIds", "artifacts", "columnKind", "results", "properties"},
    ),
    "tool": ({"driver"}, set()),
    "component": ({"name"}, {"version", "semanticVersion", "rules"}),
    "rule": ({"id"}, {"name", "shortDescription", "fullDescription", "help", "defaultConfiguration"}),
    "configuration": (set(), {"level"}),
    "text": ({"text"}, {"markdown"}),
    "invocation": ({"executionSuccessful"}, {"toolExecutionNotifications"}),
    "notification": ({"message"}, {"level"}),
    "artifact": (set(), {"location", "roles"}),
    "artifactLocation": (set(), {"uri", "uriBaseId", "description"}),
    "result": (
        {"message"},
        {
            "ruleId", "ruleIndex", "level", "locations", "partialFingerprints", "properties",
            "occurrenceCount", "stacks", "relatedLocations",
        },
    ),
    "location": (set(), {"id", "physicalLocation", "logicalLocations", "message"}),
    "physicalLocation": (set(), {"artifactLocation", "region"}),
    "region": (set(), {"startLine"}),
    "logicalLocation": (set(), {"name", "fullyQualifiedName", "kind"}),
    "stack": ({"frames"}, {"message"}),
    "frame": (set(), {"location", "module"}),
}  # fmt: skip
INSIDE = {
    ("log", "runs"): "run", ("run", "tool"): "tool", ("run", "invocations"): "invocation",
    ("run", "artifacts"): "artifact", ("run", "results"): "result", ("tool", "driver"): "component",
    ("component", "rules"): "rule", ("rule", "shortDescription"): "text", ("rule", "fullDescription"): "text",
    ("rule", "help"): "text", ("rule", "defaultConfiguration"): "configuration",
    ("invocation", "toolExecutionNotifications"): "notification", ("notification", "message"): "text",
    ("artifact", "location"): "artifactLocation", ("artifactLocation", "description"): "text",
    ("result", "message"): "text", ("result", "locations"): "location",
    ("result", "relatedLocations"): "location", ("result", "stacks"): "stack",
    ("location", "physicalLocation"): "physicalLocation", ("location", "message"): "text",
    ("location", "logicalLocations"): "logicalLocation", ("stack", "message"): "text",
    ("physicalLocation", "artifactLocation"): "artifactLocation", ("physicalLocation", "region"): "region",
    ("stack", "frames"): "frame", ("frame", "location"): "location",
}  # fmt: skip
URI = re.compile(r"(?:file:///)?[A-Za-z0-9\-._~/%]+")


def demand(value: dict[str, Any], shape: str) -> None:
    """Raises where an object is not as the specification has it."""
    required, allowed = SHAPES[shape]
    assert required <= value.keys() <= required | allowed, (shape, value.keys())
    if shape == "text":
        assert value["text"]
    if shape in ("result", "notification", "configuration") and "level" in value:
        assert value["level"] in ("none", "note", "warning", "error")
    if shape == "region":
        assert value["startLine"] >= 1
    if shape == "artifactLocation" and "uri" in value:
        assert URI.fullmatch(value["uri"]), value
    if shape == "result":
        assert all(isinstance(text, str) for text in value["partialFingerprints"].values())
        assert value.get("occurrenceCount", 1) >= 1
        ids = [place["id"] for place in value.get("relatedLocations", ())]
        assert len(ids) == len(set(ids))
    for name, inner in value.items():
        if (shape, name) in INSIDE:
            for one in inner if isinstance(inner, list) else [inner]:
                demand(one, INSIDE[shape, name])


def written(path: Path, **options: Any) -> dict[str, Any]:
    place = path.with_suffix(".sarif")
    case = fdtrace.load(path)
    (case.redacted() if options.get("redact") else case).report().write(place, force=True)
    told: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    demand(told, "log")
    (run,) = told["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[one["ruleIndex"]] == one["ruleId"] for one in run["results"])
    return run  # type: ignore[no-any-return]


def put(place: Path, *given: Any, **options: Any) -> Path:
    place.write_text(trace(*given, **options))
    return place


def test_a_finding_stands_at_the_line_of_its_call_site(tmp_path: Path) -> None:
    run = written(put(tmp_path / "a.strace", 30, source="/srv/src/service.c"))
    result = next(one for one in run["results"] if one["level"] == "error")
    place = result["locations"][0]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "file:///srv/src/service.c"},
        "region": {"startLine": 0x1200 % 97 + 1},
    }
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "service!open_log"
    names = [f["location"]["logicalLocations"][0]["name"] for f in result["stacks"][0]["frames"]]
    assert names == ["__open64", "open_log", "handle", "main"]
    assert run["properties"]["findingsWithoutSourceLine"] == 0


def test_a_relative_source_is_of_the_root_of_the_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = written(put(tmp_path / "a.strace", 30, source="src/a b.c"))
    here = {"uri": "src/a%20b.c", "uriBaseId": "SRCROOT"}
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == here
    monkeypatch.chdir(tmp_path)
    run = written(put(tmp_path / "b.strace", 30, source=f"{tmp_path}/src/a b.c"))
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == here


@pytest.mark.parametrize("stacks", [True, False])
def test_without_source_lines_only_the_name_is_known_and_that_is_counted(
    tmp_path: Path, stacks: bool
) -> None:
    run = written(put(tmp_path / "a.strace", 30, stacks=stacks))
    (place,) = run["results"][0]["locations"]
    assert "physicalLocation" not in place
    assert place["logicalLocations"][0]["kind"] == ("function" if stacks else "resource")
    assert run["properties"]["findingsWithoutSourceLine"] == len(run["results"])
    notes = [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    assert any("have no source line" in note for note in notes)


def test_the_fingerprint_outlasts_a_new_build(tmp_path: Path) -> None:
    def prints(*given: Any, **options: Any) -> set[str]:
        run = written(put(tmp_path / "a.strace", *given, **options))
        return {one["partialFingerprints"]["fdtrace/v1"] for one in run["results"] if one["level"] == "error"}

    first = prints(30)
    assert len(first) == 1
    assert prints(60, address=0x8800, pause=0.5) == first
    assert prints(30, site="open_log.isra.0", program="/opt/v2/service") == first
    assert prints(30, site="open_journal") != first


def test_severities_become_levels(tmp_path: Path) -> None:
    run = written(put(tmp_path / "a.strace", 30, lambda job: job % 10 == 0, conf_stays=True))
    level = {one["properties"]["severity"]: one["level"] for one in run["results"]}
    assert level.items() <= {("high", "error"), ("medium", "warning"), ("low", "note"), ("info", "note")}
    assert level["high"] == "error"


def test_nothing_found_is_a_run_without_results(tmp_path: Path) -> None:
    run = written(put(tmp_path / "a.strace", 30, never, opens=never))
    assert [one for one in run["results"] if one["level"] != "note"] == []


@pytest.mark.parametrize("sample", ["lws-gateway", "stock-service"])
def test_every_sample_can_be_written(sample: str, tmp_path: Path) -> None:
    root = Path(__file__).parent.parent.parent / "samples" / sample
    case = fdtrace.load(root)
    case.report().write(tmp_path / "a.sarif")
    demand(json.loads((tmp_path / "a.sarif").read_text()), "log")


def test_hostile_names_are_escaped_and_redaction_reaches_sources(tmp_path: Path) -> None:
    odd = put(tmp_path / "a.strace", 30, path="/tmp/\x1b[31m\u202e{job}", source="/home/ada/acme/x.c")
    text = json.dumps(written(odd), ensure_ascii=False)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "acme" in text
    assert "acme" not in json.dumps(written(odd, redact=True))


def test_the_schema_is_named() -> None:
    assert sarif.SCHEMA.endswith("/sarif-schema-2.1.0.json")
