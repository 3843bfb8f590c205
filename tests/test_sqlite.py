"""One way to open a file of ours, whoever else opens it at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from meshclaw.sqlite import connect


def test_two_that_make_the_same_file_at_once_both_get_it(tmp_path: Path) -> None:
    def opens(path: Path) -> bool:
        connection = connect(path, "CREATE TABLE thing (id);")
        connection.execute("INSERT INTO thing VALUES (1)")
        connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        for number in range(10):
            assert all(pool.map(opens, [tmp_path / f"{number}.db"] * 8))
