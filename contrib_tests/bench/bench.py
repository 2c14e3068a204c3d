#!/usr/bin/python3
"""Measures oss_fdw against its rivals; run.sh starts it with a server and a local store at hand.

Data and tables first, then rounds: in each round every row of the table runs once, our statement and the rivals' in turn.
Medians and ratios go to standard output, results.json and results.svg to $OSS_TEST_OUT.  ROWS, ROUNDS, SCALE, ONLY, BARS and
RIVALS come from the environment (run.sh tells what they do).
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import report                                     # noqa: E402
import rivals                                     # noqa: E402
import rows as table                              # noqa: E402
import small                                      # noqa: E402
from session import cpu_seconds, measure, run, store_pid   # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TMP = os.environ["OSS_TEST_TMP"]
CONTROL = os.environ["OSS_TEST_CONTROL"]
BUCKET = os.environ["OSS_TEST_BUCKET"]
LOCAL = {name: os.path.join(TMP, "lineitem.csv" + suffix) for name, suffix in
         (("none", ""), ("gzip", ".gz"), ("zstd", ".zst"), ("member", ".1.gz"))}
COLUMNS = """l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber integer, l_quantity numeric(15,2),
l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2), l_returnflag char(1), l_linestatus char(1),
l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct char(25), l_shipmode char(10), l_comment varchar(44)"""


def control(path, document=None):
    """One request to the store's control interface."""
    data = None if document is None else json.dumps(document).encode()
    with urllib.request.urlopen(urllib.request.Request(CONTROL + path, data=data), timeout=600) as answer:
        return json.loads(answer.read())


def clear(place):
    control("/clear", {"bucket": BUCKET, "prefix": place})


def say(text):
    print(text, flush=True)


# ---------------------------------------------------------------- data

def make_server():
    run("SELECT 1", "CREATE EXTENSION IF NOT EXISTS oss_fdw; CREATE EXTENSION file_fdw")
    run("""CREATE SERVER store FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint '%s', provider 'oss', region '%s', bucket '%s');
CREATE USER MAPPING FOR CURRENT_USER SERVER store OPTIONS (access_key_id '%s', access_key_secret '%s');
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw"""
        % tuple(os.environ["OSS_TEST_" + name] for name in ("ENDPOINT", "REGION", "BUCKET", "KEY_ID", "KEY_SECRET")))


def make_data(rows):
    subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-v", "rows=%d" % rows, "-f", os.path.join(HERE, "data.sql")],
                   check=True, stdout=subprocess.DEVNULL)
    run("CREATE TABLE heap (LIKE lineitem)")


def foreign_table(name, server, options):
    run("CREATE FOREIGN TABLE %s (%s) SERVER %s OPTIONS (%s)" % (name, COLUMNS, server, options))


def copy_objects(place, path):
    """What the store has below a place, one object after the other, as a local file."""
    names = sorted(entry["key"] for entry in control("/objects?bucket=%s&prefix=%s" % (BUCKET, place))["objects"])
    with open(path, "wb") as target:
        for name in names:
            with urllib.request.urlopen("%s/data?bucket=%s&key=%s" % (CONTROL, BUCKET, name), timeout=600) as source:
                while chunk := source.read(1 << 20):
                    target.write(chunk)


def put_file(key, path):
    subprocess.run([sys.executable, "-B", os.path.join(HERE, "../lib/put_object.py"), key, path], check=True)


def make_tables():
    """Foreign tables to write to (out_*), and to read from (in_*), and file_fdw's over the same bytes (file_*)."""
    for codec in ("none", "gzip", "zstd", "lz4"):
        foreign_table("out_" + codec, "store", "dir 'out/', format 'csv', compression '%s'" % codec)
    for codec in ("none", "gzip", "zstd"):
        foreign_table("in_" + codec, "store", "dir 'in_%s/', format 'csv', compression '%s'" % (codec, codec))
        run("INSERT INTO in_%s SELECT * FROM lineitem" % codec)
        copy_objects("in_%s/" % codec, LOCAL[codec])
    with open(LOCAL["member"], "wb") as target:
        subprocess.run(["gzip", "-1c", LOCAL["none"]], stdout=target, check=True)
    put_file("in_member/lineitem.csv.gz", LOCAL["member"])
    foreign_table("in_member", "store", "dir 'in_member/', format 'csv'")
    foreign_table("file_none", "files", "filename '%s', format 'csv'" % LOCAL["none"])
    for codec, program in (("gzip", "gzip"), ("member", "gzip"), ("zstd", "zstd")):
        foreign_table("file_" + codec, "files", "program '%s -dcq %s', format 'csv'" % (program, LOCAL[codec]))


def check_tables():
    """Nothing is measured that does not give the right rows."""
    digest = "SELECT count(*) || ' ' || sum(hashtextextended(t::text, 0)::numeric) FROM %s t"
    right = run(digest % "lineitem")
    for name in ("in_none", "in_gzip", "in_zstd", "in_member", "file_none", "file_gzip", "file_zstd", "file_member"):
        if run(digest % name) != right:
            raise SystemExit("%s has not the rows of lineitem" % name)


# ---------------------------------------------------------------- measuring

def sample(what, store):
    """Runs one side of a row: a statement, or a rival's own command."""
    if what.before:
        run(what.before)
    if getattr(what, "command", None):
        return rivals.measure_command(what.command)
    return measure(what.sql, what.settings, store)


def run_round(rows, samples, store):
    for row in rows:
        for number, side in enumerate([row] + row.rivals):
            side.settings = row.settings
            samples.setdefault((row.name, number), []).append(sample(side, store))
            if row.place:
                clear(row.place)
        say("  %-38s %8.3f s, rivals%s" % (row.name, samples[(row.name, 0)][-1]["seconds"], "".join(
            " %.3f" % samples[(row.name, number)][-1]["seconds"] for number in range(1, len(row.rivals) + 1))))


def median(samples, field):
    return statistics.median(one[field] for one in samples)


def results_of(row, samples):
    """A row's medians and ratios as they stand in results.json."""
    ours = samples[(row.name, 0)]
    result = {"name": row.name, "statement": row.sql, "rivals": []}
    for field in ("seconds", "cpu", "store_cpu", "memory"):
        result[field] = round(median(ours, field), 4)
    result["memory"] = max(one["memory"] for one in ours) if row.memory else None
    result["all_seconds"] = [round(one["seconds"], 4) for one in ours]
    for number, rival in enumerate(row.rivals, 1):
        theirs = samples[(row.name, number)]
        seconds = median(theirs, "seconds")
        result["rivals"].append({
            "name": rival.name, "seconds": round(seconds, 4), "cpu": round(median(theirs, "cpu"), 4),
            "ratio": round(seconds / median(ours, "seconds"), 3), "bar": rival.bar,
            "all_seconds": [round(one["seconds"], 4) for one in theirs]})
    return result


def grow(sizes, store):
    """Time and memory of an export and of a scan over tables of several sizes."""
    growth = []
    for rows in sizes:
        say("  %d rows" % rows)
        run("DROP TABLE IF EXISTS heap")
        make_data(rows)
        out = measure("INSERT INTO grow SELECT * FROM lineitem", table.SERIAL, store)
        scan = measure("SELECT * FROM grow OFFSET 1000000000", table.SERIAL, store)
        clear("grow/")
        packed = measure("INSERT INTO grow_gzip SELECT * FROM lineitem", table.SERIAL, store)
        unpacked = measure("SELECT * FROM grow_gzip OFFSET 1000000000", table.SERIAL, store)
        clear("grow/")
        growth.append({"rows": rows, "export": out, "scan": scan, "export_gzip": packed, "scan_gzip": unpacked})
    return growth


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(), "kernel": platform.release(),
            "server": run("SHOW server_version"), "shared_buffers": run("SHOW shared_buffers"),
            "load": round(os.getloadavg()[0], 2), "date": time.strftime("%Y-%m-%d", time.gmtime())}


def chosen(rows):
    words = os.environ.get("ONLY", "").split()
    if os.environ.get("BARS") == "1":
        rows = [row for row in rows if row.name == "small" or any(rival.bar for rival in row.rivals)]
    return [row for row in rows if not words or any(word in row.name for word in words)]


def main():
    rows, rounds = int(os.environ.get("ROWS") or 3000000), int(os.environ.get("ROUNDS") or 5)
    scale = int(os.environ.get("SCALE") or 0)
    store, samples = store_pid(), {}
    make_server()
    results = {"rows": rows, "rounds": rounds, "machine": machine()}
    say("oss_fdw: %d rows, %d rounds; PostgreSQL %s, %s, %d cores, load %.1f" % (
        rows, rounds, results["machine"]["server"], results["machine"]["cpu"], os.cpu_count(), os.getloadavg()[0]))
    make_data(rows)
    make_tables()
    check_tables()
    results["csv_bytes"] = os.path.getsize(LOCAL["none"])
    say("%.1f MB as csv, %.1f as gzip, %.1f as zstd" % tuple(os.path.getsize(LOCAL[c]) / 1e6 for c in ("none", "gzip", "zstd")))
    say("looking for other rivals")
    extra, results["absent"] = rivals.available(LOCAL["none"], foreign_table)
    work = chosen(table.exports() + table.scans() + table.loads(LOCAL["none"]) + extra)
    for number in range(1, rounds + 1):
        say("round %d of %d" % (number, rounds))
        run_round(work, samples, store)
    results["table"] = [results_of(row, samples) for row in work]
    if chosen([table.Row("small", "", [])]):
        say("small transactions")
        results["small"] = small.measure_all(rounds, clear)
    if scale:
        say("growth")
        foreign_table("grow", "store", "dir 'grow/', format 'csv'")
        foreign_table("grow_gzip", "store", "dir 'grow/', format 'csv', compression 'gzip'")
        results["growth"] = grow([300000, 3000000] + ([30000000] if scale >= 30 else []), store)
    results["store_cpu_total"] = round(cpu_seconds(store), 1)
    report.write(results, os.environ["OSS_TEST_OUT"])
    say(report.text(results))


if __name__ == "__main__":
    main()
