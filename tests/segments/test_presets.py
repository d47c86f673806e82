"""The logarithm under the clusters."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cdp.segments.presets import signed_log


@given(arrays(np.float64, 8, elements=st.floats(-1e12, 1e12)))
def test_a_signed_log_keeps_order_sign_and_zero(values: np.ndarray) -> None:
    logs = signed_log(values)
    assert np.isfinite(logs).all()
    assert (signed_log(-values) == -logs).all()
    order = np.argsort(values, kind="stable")
    assert (np.diff(logs[order]) >= 0).all()
    assert signed_log(np.zeros(1))[0] == 0
