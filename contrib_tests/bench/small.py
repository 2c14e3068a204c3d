"""Small transactions: a one-row INSERT with its COMMIT against one signed PUT by the core alone, and pgbench with many clients."""

import os
import re
import statistics
import subprocess

from session import run

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(HERE, "..", "pgbench")
BODY = "1,a row of a small transaction,2026-01-31\n"
COUNT = 300
BAR = 1.5


def pgbench(script, clients, *limits):
    """Runs a script; the latencies of its transactions in milliseconds, and transactions per second."""
    prefix = os.path.join(os.environ["OSS_TEST_TMP"], "pgbench_log")
    done = subprocess.run(["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-l", "--log-prefix", prefix,
                           "-f", os.path.join(SCRIPTS, script)] + list(limits), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit("pgbench %s: %s" % (script, done.stderr.strip()[-600:]))
    latencies = []
    folder = os.path.dirname(prefix)
    for name in os.listdir(folder):
        if name.startswith("pgbench_log"):
            with open(os.path.join(folder, name), encoding="ascii") as file:
                latencies += [int(line.split()[2]) / 1000 for line in file]
            os.unlink(os.path.join(folder, name))
    return sorted(latencies), float(re.search(r"tps = ([0-9.]+) \(without", done.stdout).group(1))


def one_row(rounds, clear):
    """Medians of the transaction and of the bare PUT, in turn, COUNT of each per round."""
    inserts, puts = [], []
    for _ in range(rounds):
        latencies, _ = pgbench("insert_one.sql", 1, "-t", str(COUNT + 1))
        inserts.append(statistics.median(latencies))
        put = subprocess.run([os.environ["OSS_BENCH_PUT_ONE"], str(COUNT), "small_put/", BODY], capture_output=True, text=True,
                             check=True)
        puts.append(float(put.stdout.split()[0]))
        clear("small")
    insert, put = statistics.median(inserts), statistics.median(puts)
    return {"insert_ms": round(insert, 4), "put_ms": round(put, 4), "ratio": round(insert / put, 3), "bar": BAR,
            "all_insert_ms": inserts, "all_put_ms": puts}


def clients(foreign_table_sql, clear):
    """Throughput and latency with 1, 4 and 16 clients."""
    found = []
    run(foreign_table_sql)
    run("INSERT INTO small_read SELECT i, 'row ' || i, date '2026-01-01' + i FROM generate_series(1, 10) AS i")
    for script in ("insert_one.sql", "select_small.sql"):
        for number in (1, 4, 16):
            latencies, tps = pgbench(script, number, "-T", "5")
            found.append({"script": script, "clients": number, "tps": round(tps, 1),
                          "median_ms": round(statistics.median(latencies), 3),
                          "p95_ms": round(latencies[len(latencies) * 95 // 100], 3)})
            clear("small/")
    return found


def measure_all(rounds, clear):
    columns = "(id integer, what text, day date) SERVER store OPTIONS"
    run("CREATE FOREIGN TABLE small %s (dir 'small/', format 'csv')" % columns)
    return {"one_row": one_row(rounds, clear), "pgbench": clients(
        "CREATE FOREIGN TABLE small_read %s (filepath 'small_read/rows.csv', format 'csv', export_mode 'overwrite')" % columns, clear)}
