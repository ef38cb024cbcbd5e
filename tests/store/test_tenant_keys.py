"""Each key has its namespace in front, whatever a caller puts into the rest of it."""

from __future__ import annotations

import inspect
from contextlib import suppress
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import streamer
from streamer.errors import InvariantError
from streamer.store.keys import Keys

NAMESPACES = st.from_regex(r"[A-Za-z0-9._-]{1,8}", fullmatch=True)
TEXTS = st.one_of(
    st.text(max_size=12), st.sampled_from(["}:", "{b}:x", ":", "../", "streamer:{b}:"])
)


def keys_of(namespace: str, text: str, number: int) -> list[str]:
    """Return every key of a namespace; a key that is added later is among them."""
    keys, found = Keys(namespace), []
    for name, value in vars(Keys).items():
        if name.startswith("_") or name in ("namespace", "shared"):
            continue
        if isinstance(value, property):
            found.append(getattr(keys, name))
        elif inspect.isfunction(value):
            told = [number if p.annotation == "int" else text for p in _asked(value)]
            with suppress(InvariantError):
                found.append(value(keys, *told))
    return found


def _asked(function: object) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())[1:]  # type: ignore[arg-type]


@given(st.lists(NAMESPACES, min_size=2, max_size=2, unique=True), TEXTS, TEXTS, st.integers(0, 9))
def test_no_key_of_one_namespace_is_one_of_another(
    names: list[str], text: str, other: str, number: int
) -> None:
    one, two = names
    own, theirs = keys_of(one, text, number), keys_of(two, other, number)
    assert len(own) > 20
    assert all(key.startswith(f"streamer:{{{one}}}:") for key in own)
    assert set(own).isdisjoint(theirs)
    assert not [key for key in own if key.startswith(f"streamer:{{{two}}}:")]


def test_no_other_module_makes_a_key() -> None:
    package = Path(streamer.__file__).parent
    makers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "streamer:{{{" in path.read_text("utf-8")
    }
    assert makers == {"store/keys.py"}
