"""DuckDB doing one thing of the table: reads or writes the local store by httpfs, the server by postgres.

Prints {"seconds", "cpu", "memory"}: of the statement alone, with everything attached and connected before.

usage: duck.py export_none | export_gzip | count | sum | load
"""

import json
import os
import resource
import sys
import time

import duckdb
import duckdb_ext

COLUMNS = """{'l_orderkey': 'BIGINT', 'l_partkey': 'BIGINT', 'l_suppkey': 'BIGINT', 'l_linenumber': 'INTEGER',
'l_quantity': 'DECIMAL(15,2)', 'l_extendedprice': 'DECIMAL(15,2)', 'l_discount': 'DECIMAL(15,2)', 'l_tax': 'DECIMAL(15,2)',
'l_returnflag': 'VARCHAR', 'l_linestatus': 'VARCHAR', 'l_shipdate': 'DATE', 'l_commitdate': 'DATE', 'l_receiptdate': 'DATE',
'l_shipinstruct': 'VARCHAR', 'l_shipmode': 'VARCHAR', 'l_comment': 'VARCHAR'}"""
SOURCE = "read_csv('s3://test-bucket/in_none/*.csv', header = false, auto_detect = false, columns = %s)" % COLUMNS
STATEMENTS = {
    "export_none": "COPY pg.public.lineitem TO 's3://test-bucket/out/duck.csv' (FORMAT csv, HEADER false)",
    "export_gzip": "COPY pg.public.lineitem TO 's3://test-bucket/out/duck.csv.gz' (FORMAT csv, HEADER false, COMPRESSION gzip)",
    "count": "SELECT count(*) FROM " + SOURCE,
    "sum": "SELECT sum(l_extendedprice) FROM " + SOURCE,
    "load": "INSERT INTO pg.public.heap SELECT * FROM " + SOURCE,
}


def connect(with_server):
    connection = duckdb.connect(config={"extension_directory": os.path.join(list(duckdb_ext.__path__)[0], "extensions")})
    connection.execute("LOAD httpfs")
    connection.execute("CREATE SECRET (TYPE s3, KEY_ID '%s', SECRET '%s', REGION '%s', ENDPOINT '127.0.0.1:%s', "
                       "URL_STYLE 'path', USE_SSL false)" % tuple(os.environ["OSS_TEST_" + name] for name in
                                                                 ("KEY_ID", "KEY_SECRET", "REGION", "PORT")))
    if with_server:
        connection.execute("LOAD postgres_scanner")
        connection.execute("ATTACH 'host=%s port=%s user=%s dbname=%s' AS pg (TYPE postgres)" % tuple(
            os.environ[name] for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE")))
    return connection


def main():
    what = sys.argv[1]
    connection = connect(what not in ("count", "sum"))
    idle = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.perf_counter()
    connection.execute(STATEMENTS[what]).fetchall()
    seconds = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"seconds": seconds, "cpu": used.ru_utime + used.ru_stime - idle.ru_utime - idle.ru_stime,
                      "memory": (used.ru_maxrss - idle.ru_maxrss) * 1024}))


main()
