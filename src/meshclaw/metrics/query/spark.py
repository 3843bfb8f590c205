"""Spark, for batches over more than one machine. Runs alone, in an environment that has pyspark: see ``outside``.

The job's ``master`` names a cluster, as in ``spark://host:7077``; without one it is this machine's cores.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any


def answers(job: dict[str, Any]) -> list[list[list[Any]]]:
    building: Any = import_module("pyspark.sql").SparkSession.builder
    building = building.master(job.get("master", "local[*]")).appName("meshclaw metrics")
    for name, value in SETTINGS.items():
        building = building.config(name, value)
    spark = building.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    for name, table in job["tables"].items():
        spark.read.parquet(*table["files"]).createOrReplaceTempView(name)
    found = [[list(row) for row in spark.sql(text).collect()] for text in job["queries"]]
    spark.stop()
    return found


SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "8",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.ansi.enabled": "true",  # a sum that is too big is an error, not a wrong number
}

if __name__ == "__main__":
    told = answers(json.load(sys.stdin))
    json.dump(told, sys.stdout)
