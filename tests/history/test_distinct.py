"""The different ones among numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fdtrace.history.distinct import distinct


@given(st.lists(st.integers(0, 8)) | st.lists(st.integers(-5, 1 << 62)))
def test_as_numpy_has_it(numbers: list[int]) -> None:
    values = np.array(numbers, np.int64)
    found = distinct(values)
    wanted = np.unique(values, return_index=True, return_inverse=True)
    assert [part.tolist() for part in found] == [part.tolist() for part in wanted]
