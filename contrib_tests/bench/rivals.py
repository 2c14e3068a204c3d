"""Rivals that a machine may lack: rclone, and DuckDB with its postgres and httpfs parts.

DuckDB is installed from PyPI into the run's temporary folder; where that does not work its rows are left out and
the report says so.
"""

import json
import os
import shutil
import subprocess
import sys

import rows as table
from session import run

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ["duckdb==1.4.4", "duckdb-ext-postgres==1.4.4.*", "duckdb-ext-httpfs==1.4.4.*"]


def measure_command(command):
    """Runs a rival's own program, which prints one JSON object: seconds, cpu, memory."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit("%s\n%s%s" % (" ".join(command), done.stdout, done.stderr))
    measured = json.loads(done.stdout.splitlines()[-1])
    measured["store_cpu"] = 0
    return measured


def with_rclone(local_file, foreign_table):
    config = os.path.join(os.environ["OSS_TEST_TMP"], "rclone.conf")
    with open(config, "w", encoding="ascii") as file:
        file.write("[store]\ntype = s3\nprovider = Other\nforce_path_style = true\nregion = %s\nendpoint = %s\n"
                   "access_key_id = %s\nsecret_access_key = %s\n" % tuple(os.environ["OSS_TEST_" + name] for name in
                                                                        ("REGION", "ENDPOINT", "KEY_ID", "KEY_SECRET")))
    # this rclone gives up when the variable is set
    rclone = ["env", "-u", "AWS_CA_BUNDLE", "rclone", "--config", config]
    copied = subprocess.run(rclone + ["copyto", local_file, "store:test-bucket/in_rclone/lineitem.csv"],
                            capture_output=True, text=True, check=False)
    if copied.returncode != 0:
        return [], "rclone could not write into the local store: %s" % copied.stderr.strip()[-300:]
    foreign_table("file_rclone", "files",
                  "program '%s cat store:test-bucket/in_rclone/lineitem.csv', format 'csv'" % " ".join(rclone))
    return table.rclone(config), None


def install_duckdb():
    """Path of a Python that has DuckDB, and what went wrong."""
    folder = os.path.join(os.environ["OSS_TEST_TMP"], "duckdb")
    python = os.path.join(folder, "bin/python3")
    for command in ([sys.executable, "-m", "venv", folder], [python, "-m", "pip", "-q", "install"] + PACKAGES):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None, "DuckDB could not be installed: %s" % (done.stderr.strip().splitlines() or ["?"])[-1]
    return python, None


def with_duckdb():
    python, problem = install_duckdb()
    if problem:
        return [], problem
    rows = []
    for name, ours, what, place in (
            ("export csv, none (DuckDB)", "INSERT INTO out_none SELECT * FROM lineitem", "export_none", "out/"),
            ("export csv, gzip (DuckDB)", "INSERT INTO out_gzip SELECT * FROM lineitem", "export_gzip", "out/"),
            ("scan, count(*) (DuckDB)", "SELECT count(*) FROM in_none", "count", None),
            ("scan, sum of a column (DuckDB)", "SELECT sum(l_extendedprice) FROM in_none", "sum", None),
            ("load into a heap (DuckDB)", "INSERT INTO heap SELECT * FROM in_none", "load", None)):
        before = "TRUNCATE heap; CHECKPOINT" if what == "load" else ""
        rival = table.Rival("DuckDB 1.4.4, httpfs" + ("" if what in ("count", "sum") else " + postgres"), "", None, before)
        rival.command = [python, os.path.join(HERE, "duck.py"), what]
        try:
            measure_command(rival.command)
        except SystemExit as failure:
            return rows, "DuckDB's \"%s\" does not work here: %s" % (what, str(failure).splitlines()[-1])
        rows.append(table.Row(name, ours, [rival], place=place, before=before))
    run("TRUNCATE heap")
    return rows, None


def available(local_file, foreign_table):
    """Rows for the rivals that are there, and sentences about those that are not."""
    rows, absent = [], []
    if os.environ.get("RIVALS") == "0":
        return rows, ["RIVALS=0: DuckDB and rclone were left out"]
    if shutil.which("rclone"):
        more, problem = with_rclone(local_file, foreign_table)
        rows += more
        absent += [problem] if problem else []
    else:
        absent.append("rclone is not installed")
    more, problem = with_duckdb()
    return rows + more, absent + ([problem] if problem else [])
