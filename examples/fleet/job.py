"""What became of the lines in every repository of a list, as one Spark job.

    pip install "openmeshclaw" pyspark          (and Java 17 or newer)
    spark-submit examples/fleet/job.py urls.txt /shared/work report-2026-11-21

``urls.txt`` has one address a line. Each is a task: a bare clone in the work folder, nothing of it executed, read, and
said in a row as ``meshclaw code report --json`` says it. The rows become JSON lines in the third folder; one that could
not be read has its ``error`` instead. A job that was stopped is started again with the same words: rows that were made
are taken as they are. Another name for the third folder brings every clone up to date and reads what is new.

The work folder should be one that all executors share; where they do not, nothing breaks and more is cloned.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

SHAPE = "url string, head string, error string, fix string, report string"
AT_ONCE = 4
"""Tasks for each core: repositories differ much in size, and a core that is done early takes the next."""


def told(url: str, work: str, day: str) -> tuple[str, str, str, str, str]:
    """In an executor, one repository."""
    os.environ.setdefault("MESHCLAW_HOME", str(Path(work, "state")))
    import msgspec

    from meshclaw.changes.fleet import row

    found = row(url, Path(work), day=day)
    return found.url, found.head, found.error, found.fix, msgspec.json.encode(found.report).decode()


def main() -> int:
    if len(sys.argv) != 4:
        print("spark-submit job.py URLS WORK OUTPUT", file=sys.stderr)
        return 2
    listed, work, output = sys.argv[1], str(Path(sys.argv[2]).absolute()), sys.argv[3]
    day = Path(output).name
    spark = SparkSession.builder.appName("meshclaw fleet").getOrCreate()
    try:
        context = spark.sparkContext
        urls = sorted({line.strip() for line in Path(listed).read_text().splitlines() if line.strip()})
        tasks = context.parallelize(urls, max(1, min(len(urls), context.defaultParallelism * AT_ONCE)))
        rows = tasks.map(lambda url: told(url, work, day))
        spark.createDataFrame(rows, SHAPE).write.mode("overwrite").json(output)
        found = spark.read.json(output)
        failed = found.where("error is not null and error != ''").count()
        print(f"{found.count() - failed} of {len(urls)} repositories read; rows in {output}")
    finally:
        spark.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
