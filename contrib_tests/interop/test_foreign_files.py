#!/usr/bin/env python3
"""Objects that other programs wrote, read through our tables with equal values.

Writers: Python's csv (several dialects), pandas (csv plain and compressed, jsonl), DuckDB (csv, csv.gz, csv.zst, jsonl), the
server's COPY (csv, text, binary), and gzip, pigz, zstd -T0, bzip2, xz, lz4, zip, tar and 7z around them.  Ends with "N passed, N failed".

Needs psql and a server on this machine where we are superuser (PGHOST, PGPORT), the local store (OSS_TEST_*), and a Python
with requirements_codecs.txt (INTEROP_PYTHON).
"""

import csv
import datetime
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

from store_fixture import needs

needs("duckdb")
needs("pandas")

import duckdb    # noqa: E402
import pandas    # noqa: E402

DATABASE = "foreign_files"
COLUMNS = "id bigint, name text, price double precision, day date, at timestamp, flag boolean"
passed = 0
failed = 0


def psql(sql, database=DATABASE):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database], input=sql.encode(), capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace")[:1500])
    return done.stdout.decode()


def put(key, data):
    url = f"{os.environ['OSS_TEST_CONTROL']}/data?bucket={os.environ['OSS_TEST_BUCKET']}&key={urllib.parse.quote(key, safe='')}"
    with urllib.request.urlopen(urllib.request.Request(url, data=data, method="PUT"), timeout=60) as answer:
        answer.read()


def make_rows(count=5000):
    chance = random.Random(7)
    names = ["plain", "with, comma", 'with "quotes"', "two\nlines", "windows\r\nlines", "tab\there", "back\\slash", "中文 äöü 🙂", " blanks ", "it's", "\\N", "NULL", "x" * 500]
    rows = []
    for number in range(count):
        name = None if chance.random() < 0.05 else chance.choice(names)
        rows.append((number, name, chance.choice([None, 0.1, -1e-7, 1.7976931348623157e308, round(chance.random() * 1000, 6), float(number)]),
                     None if chance.random() < 0.1 else datetime.date(1970, 1, 1) + datetime.timedelta(days=chance.randrange(40000)),
                     None if chance.random() < 0.1 else datetime.datetime(2000, 1, 1) + datetime.timedelta(microseconds=chance.randrange(10**15)),
                     chance.choice([True, False, None])))
    return rows


ROWS = make_rows()


def as_seen(rows):
    """Values as json of the server has them."""
    return [[i, n, p, d and d.isoformat(), t and t.isoformat(), f] for i, n, p, d, t, f in rows]


WANTED = as_seen(ROWS)


def check(what, name, data, options, wanted=None):
    """The rows of one object, whatever its columns' order in the row, are those that were written."""
    global passed, failed
    put(f"foreign/{name}", data)
    try:
        text = psql(f"DROP FOREIGN TABLE IF EXISTS f; CREATE FOREIGN TABLE f ({COLUMNS}) SERVER store OPTIONS (filepath 'foreign/{options.pop('member', name)}'"
                    + "".join(f", {k} {v}" for k, v in options.items()) + "); SELECT json_build_array(id, name, price, day, at, flag) FROM f ORDER BY id;")
    except RuntimeError as problem:
        failed += 1
        print(f"FAILED {what}: {problem}")
        return
    seen = [json.loads(line) for line in text.splitlines()]
    for row in seen:
        row[4] = row[4] and datetime.datetime.fromisoformat(row[4]).isoformat()
    wanted = WANTED if wanted is None else wanted
    if seen == wanted:
        passed += 1
        return
    failed += 1
    different = [(a, b) for a, b in zip(seen, wanted) if a != b][:3]
    print(f"FAILED {what}: {len(seen)} rows instead of {len(wanted)}, for instance {different}")


def refused(what, name, data, place, reason=""):
    """One error that names the object, and no row."""
    global passed, failed
    put(f"foreign/{name}", data)
    try:
        text = psql(f"DROP FOREIGN TABLE IF EXISTS f; CREATE FOREIGN TABLE f ({COLUMNS}) SERVER store OPTIONS (filepath 'foreign/{place}'); SELECT id FROM f;")
        problem = f"{len(text.splitlines())} rows"
    except RuntimeError as error:
        problem = str(error)
        if problem.count("ERROR:") == 1 and f"foreign/{name}" in problem and reason in problem:
            passed += 1
            return
    failed += 1
    print(f"FAILED {what} should be refused: {problem}")


def cells(rows, null=""):
    return [[null if v is None else repr(v) if isinstance(v, float) else v.isoformat(" ") if isinstance(v, datetime.datetime) else str(v) for v in row] for row in rows]


def python_csv(**dialect):
    out = io.StringIO(newline="")
    writer = csv.writer(out, **dialect)
    writer.writerow(["id", "name", "price", "day", "at", "flag"])
    writer.writerows(cells(ROWS))
    return out.getvalue().encode()


def by_python():
    header = {"header": "'match'"}
    check("Python csv", "python.csv", python_csv(), dict(header))
    check("Python csv, LF", "python_lf.csv", python_csv(lineterminator="\n"), dict(header))
    check("Python csv, semicolons", "python_semi.csv", python_csv(delimiter=";"), {"header": "'true'", "delimiter": "';'"})
    check("Python csv, all quoted", "python_all.csv", python_csv(quoting=csv.QUOTE_ALL), {"header": "'match'", "force_null": "'*'"})
    check("Python csv, escapes", "python_escape.csv", python_csv(doublequote=False, escapechar="\\", quoting=csv.QUOTE_ALL), {"header": "'match'", "force_null": "'*'", "escape": "'\\'"})
    check("Python csv, apostrophes", "python_quote.csv", python_csv(quotechar="'"), {"header": "'match'", "quote": "''''"})
    check("Python csv with a mark", "python_bom.csv", b"\xef\xbb\xbf" + python_csv(), dict(header))


def by_tools(folder):
    plain = folder / "rows.csv"
    plain.write_bytes(python_csv())
    header = {"header": "'match'"}
    for command in (["gzip", "-9c"], ["pigz", "-c", "-b", "128", "-p", "2"], ["pigz", "-zc"], ["zstd", "-qc", "-T0"], ["zstd", "-qc", "-19", "--long=27"], ["bzip2", "-c"], ["xz", "-c", "-T2"], ["lz4", "-qc"]):
        data = subprocess.run(command, input=plain.read_bytes(), capture_output=True, check=True).stdout
        check(" ".join(command), "tool_" + command[0] + ".csv", data, dict(header))
    # as logs are rotated: compressed files one behind the other
    parts = [subprocess.run(["gzip", "-c"], input=piece, capture_output=True, check=True).stdout for piece in (python_csv()[:100000], python_csv()[100000:])]
    check("two gzip files in one", "tool_cat.csv.gz", b"".join(parts), dict(header))
    for name, command in (("rows.zip", ["zip", "-q", "rows.zip", "rows.csv"]), ("rows.tar", ["tar", "-cf", "rows.tar", "rows.csv"]), ("rows.tar.gz", ["tar", "-czf", "rows.tar.gz", "rows.csv"]),
                          ("rows.tar.zst", ["tar", "--zstd", "-cf", "rows.tar.zst", "rows.csv"]), ("rows.tar.xz", ["tar", "-cJf", "rows.tar.xz", "rows.csv"]), ("pax.tar", ["tar", "--format=pax", "-cf", "pax.tar", "rows.csv"]),
                          ("v7.tar", ["tar", "--format=v7", "-cf", "v7.tar", "rows.csv"])):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        check(" ".join(command), name, (folder / name).read_bytes(), {"member": f"{name}!*.csv", **header})
    subprocess.run([sys.executable, "-m", "zipfile", "-c", "py.zip", "rows.csv"], cwd=folder, check=True)
    check("Python zipfile", "py.zip", (folder / "py.zip").read_bytes(), {"member": "py.zip!rows.csv", **header})


def by_7z(folder):
    """Archives and files of 7z; what it writes by default, and by the methods that others know."""
    header = {"header": "'match'"}
    names = ("seven.zip", ["-tzip"]), ("seven_bzip2.zip", ["-tzip", "-mm=BZip2"]), ("seven_stored.zip", ["-tzip", "-mx=0"]), ("seven.tar", ["-ttar"])
    for name, options in names:
        subprocess.run(["7z", "a", "-bd", *options, name, "rows.csv"], cwd=folder, check=True, capture_output=True)
        check(f"7z {name}", name, (folder / name).read_bytes(), {"member": f"{name}!*.csv", **header})
    for suffix, options in (("gz", ["-tgzip"]), ("bz2", ["-tbzip2"]), ("xz", ["-txz"])):
        name = f"seven.csv.{suffix}"
        subprocess.run(["7z", "a", "-bd", *options, name, "rows.csv"], cwd=folder, check=True, capture_output=True)
        check(f"7z {name}", name, (folder / name).read_bytes(), dict(header))
    # a tar within a compressed file takes two steps of 7z
    subprocess.run(["7z", "a", "-bd", "-tgzip", "seven.tar.gz", "seven.tar"], cwd=folder, check=True, capture_output=True)
    check("7z seven.tar.gz", "seven.tar.gz", (folder / "seven.tar.gz").read_bytes(), {"member": "seven.tar.gz!*.csv", **header})
    # of a 7z no member can be named: there is no object of such a name
    for name, options in (("rows.7z", []), ("stored.7z", ["-mx=0"]), ("lzma.zip", ["-tzip", "-mm=LZMA"]), ("secret.zip", ["-tzip", "-psecret"])):
        subprocess.run(["7z", "a", "-bd", *options, name, "rows.csv"], cwd=folder, check=True, capture_output=True)
        refused(f"7z {name}", name, (folder / name).read_bytes(), f"{name}!rows.csv")
    # without a member's name: neither is taken for csv
    refused("7z archive as a file", "rows.7z", (folder / "rows.7z").read_bytes(), "rows.7z", "7z archive")
    refused("stored 7z archive as a file", "stored.7z", (folder / "stored.7z").read_bytes(), "stored.7z", "7z archive")
    for name in ("seven_stored.zip", "seven.zip", "seven.tar"):
        refused(f"{name} as a file", name, (folder / name).read_bytes(), name, f"{name[-3:]} archive: the filepath must name its members")


def by_pandas(folder):
    frame = pandas.DataFrame(ROWS, columns=["id", "name", "price", "day", "at", "flag"]).astype({"flag": "object"})
    for suffix in (".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zst"):
        path = folder / f"pandas{suffix}"
        frame.to_csv(path, index=False)
        check(f"pandas {suffix}", path.name, path.read_bytes(), {"header": "'match'"})
    path = folder / "pandas.csv.zip"
    frame.to_csv(path, index=False, compression={"method": "zip", "archive_name": "inner.csv"})
    check("pandas zip", "pandas.zip", path.read_bytes(), {"member": "pandas.zip!*.csv", "header": "'match'"})
    path = folder / "pandas.jsonl.gz"
    # its default keeps 10 digits of a number
    rows = [dict(zip(frame.columns, row)) for row in WANTED]
    few = pandas.DataFrame([dict(row, price=None if row["price"] is None else 0.5) for row in rows], dtype="object")
    few.to_json(path, orient="records", lines=True, force_ascii=True)
    check("pandas jsonl", path.name, path.read_bytes(), {"format": "'jsonl'"}, [[i, n, None if p is None else 0.5, d, t, f] for i, n, p, d, t, f in WANTED])


def by_duckdb(folder):
    base = duckdb.connect()
    base.execute("CREATE TABLE r (id BIGINT, name VARCHAR, price DOUBLE, day DATE, \"at\" TIMESTAMP, flag BOOLEAN)")
    base.executemany("INSERT INTO r VALUES (?, ?, ?, ?, ?, ?)", ROWS[:1500])
    for name, options, ours in (("duck.csv", "FORMAT csv, HEADER", {"header": "'match'"}), ("duck.csv.gz", "FORMAT csv, HEADER, COMPRESSION gzip", {"header": "'match'"}),
                                ("duck.csv.zst", "FORMAT csv, HEADER, COMPRESSION zstd", {"header": "'match'"}), ("duck.tsv", "FORMAT csv, HEADER false, DELIMITER '\t', NULLSTR '<null>'", {"delimiter": "E'\\t'", "null": "'<null>'"}),
                                ("duck.jsonl", "FORMAT json", {"format": "'jsonl'"}), ("duck.jsonl.gz", "FORMAT json, COMPRESSION gzip", {"format": "'jsonl'"})):
        path = folder / name
        base.execute(f"COPY r TO '{path}' ({options})")
        check(f"DuckDB {name}", name, path.read_bytes(), ours, WANTED[:1500])


def by_copy(folder):
    psql(f"CREATE TABLE r ({COLUMNS});")
    values = io.StringIO(newline="")
    csv.writer(values, lineterminator="\n").writerows(cells(ROWS))
    (folder / "in.csv").write_text(values.getvalue(), newline="")
    psql(f"COPY r FROM '{folder}/in.csv' (FORMAT csv);")
    folder.chmod(0o777)
    for name, options, ours in (("copy.csv", "FORMAT csv, HEADER", {"header": "'match'"}), ("copy.txt", "FORMAT text", {"format": "'text'"}), ("copy.bin", "FORMAT binary", {"format": "'binary'"}),
                                ("copy_forced.csv", "FORMAT csv, FORCE_QUOTE *, DELIMITER '|', NULL '\\N'", {"delimiter": "'|'", "null": "'\\N'"})):
        psql(f"COPY r TO '{folder}/{name}' ({options});")
        check(f"COPY {name}", name, (folder / name).read_bytes(), ours)


def main():
    subprocess.run(["psql", "-Xq", "-d", "postgres", "-c", f"DROP DATABASE IF EXISTS {DATABASE}", "-c",
                    f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"], check=True, stderr=subprocess.DEVNULL)
    options = {name: os.environ[f"OSS_TEST_{name}"] for name in ("ENDPOINT", "REGION", "BUCKET", "KEY_ID", "KEY_SECRET")}
    psql("CREATE EXTENSION oss_fdw; CREATE SERVER store FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint '{ENDPOINT}', region '{REGION}', bucket '{BUCKET}');"
         "CREATE USER MAPPING FOR CURRENT_USER SERVER store OPTIONS (access_key_id '{KEY_ID}', access_key_secret '{KEY_SECRET}');".format(**options))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        by_python()
        by_tools(folder)
        by_7z(folder)
        by_pandas(folder)
        by_duckdb(folder)
        by_copy(folder)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
