"""Names of C++ and Rust."""

from __future__ import annotations

import pytest

from fdtrace.symbols import demangle, tools

NAMES = {
    "_ZN5spool6rotateEi": "spool::rotate(int)",
    "_ZNK5spool3LogIPKcE7open_itEv": "spool::Log<char const*>::open_it() const",
    "_ZN3std2rt10lang_start17h0123456789abcdefE": "std::rt::lang_start",
}


@pytest.fixture(params=["c++filt", "pycxxfilt"])
def way(request, monkeypatch):
    if request.param == "pycxxfilt":
        pytest.importorskip("pycxxfilt", reason="pycxxfilt is not installed")
        monkeypatch.setattr(tools, "where", lambda *names: None)
    elif tools.where("c++filt") is None:
        pytest.skip("c++filt is not installed")
    return request.param


def test_names_as_they_were_written(way):
    assert demangle.demangled(NAMES) == NAMES


def test_other_names_are_left_alone(way):
    hostile = ["main", "_start", "_Z", "_ZZZ\n_ZN1aEv", "-h", "_Z" + "N" * 9000, "_Zgarbage"]

    assert demangle.demangled(hostile) == {}


def test_names_of_rust_of_the_new_form(way):
    (name,) = demangle.demangled(["_RNvCs4fqI2P2rA04_1r4many"]).values()

    assert name.startswith("r")
    assert name.endswith("::many")


def test_without_either_names_stay(monkeypatch):
    monkeypatch.setattr(tools, "where", lambda *names: None)
    monkeypatch.setattr(demangle, "_by_package", lambda names: {})

    assert demangle.demangled(NAMES) == {}
