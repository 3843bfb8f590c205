"""Our reading of the patterns against git's own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from meshclaw.code.classes import RULES, Classes, classes
from meshclaw.code.git import opened
from meshclaw.errors import Damaged
from tests.code.building import Builder


def paths() -> list[bytes]:
    """Each pattern filled in, in folders and beside them, and things that only look like it."""
    found = {
        b"src/main.py",
        b"vendor",
        b"src/vendor",
        b"a/fixtures/x.py",
        b"fixtures/a/b/c.json",
        b"Makefile",
    }
    for rules in tomllib.loads(RULES.read_text()).values():
        for pattern in rules["paths"].split():
            name = pattern.replace("**/", "").replace("/**", "/in/side.py").replace("*", "some")
            found |= {
                word.encode()
                for word in (name, f"deep/er/{name}", f"{name}x", f"x{name}", f"{name}/y", name.upper())
            }
            found |= {
                pattern.replace("**/", "").replace("/**", "").encode(),
                name.replace("some", "").encode(),
            }
    return sorted(path for path in found if not path.startswith(b"/"))


def test_a_path_is_set_apart_exactly_where_git_compares_it_not(tmp_path: Path) -> None:
    Builder(tmp_path).commit({b"f": b""})
    made = Builder(tmp_path)
    made.commit({b"f": b""})
    made.done()
    asked = paths()
    with opened(tmp_path) as repository:
        repository.attribute(classes().attributes.encode())
        told = repository.run(
            "check-attr", "--stdin", "-z", "diff", given=b"".join(path + b"\0" for path in asked)
        )
    words = told.split(b"\0")
    assert dict(zip(words[:-1:3], words[2::3], strict=True)) == {
        path: b"unset" if classes().of(path) else b"unspecified" for path in asked
    }
    assert {classes().of(path) for path in asked} == {"", *classes().words}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (b"uv.lock", "lock"), (b"a/node_modules/b/c.min.js", "vendored"), (b"a/b.min.js", "minified"),
        (b"x_pb2.py", "generated"), (b"tests/fixtures/deep/a.json", "fixture"), (b"tests/fixtures/a.py", ""),
        (b"a/b.csv", "data"), (b"\xff.png", "media"), (b"vendors/a.py", ""), (b"vendor", ""), (b"", ""),
        (b"a\nb/dist/c\nd", "generated"), (b"src/lock.py", ""),
    ],
)  # fmt: skip
def test_the_first_class_that_fits_counts(path: bytes, kind: str) -> None:
    assert classes().of(path) == kind


@pytest.mark.parametrize("pattern", ["[ab].py", "a?c", "!b", "#c", '"d"'])
def test_a_pattern_that_git_may_read_otherwise_is_refused(pattern: str) -> None:
    with pytest.raises(Damaged, match="more of git's patterns"):
        Classes(f"[one]\nwords = 'one'\npaths = '{pattern}'\n")
