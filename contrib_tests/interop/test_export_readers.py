#!/usr/bin/env python3
"""Objects that the extension exports, read by programs of others.

psql exports one table in each format and codec; Python's own decoders, zstd(1), lz4(1), Node, Java, pandas and DuckDB read the
objects and must find the rows that the server has, NULL apart from ''.  Node and Java are not installed for this: what is not there
is told as skipped.  With a manifest, what it lists is compared with what lies
there.  Ends with the line "N passed, N failed".

Environment: as run_interop.sh sets it (PGHOST ..., OSS_TEST_*, INTEROP_PYTHON with the packages of requirements_codecs.txt).
"""

import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import zlib

passed = 0
failed = 0
CONTROL = os.environ["OSS_TEST_CONTROL"]
BUCKET = os.environ["OSS_TEST_BUCKET"]
SUFFIXES = {"none": "", "gzip": ".gz", "zstd": ".zst", "lz4": ".lz4", "bzip2": ".bz2", "xz": ".xz", "deflate": ".deflate"}
ROWS = 30000


def check(good, what, detail=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {what} {detail}".rstrip())


def psql(sql):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout.rstrip("\n")


def control(page, data=None):
    body = None if data is None else json.dumps(data).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{CONTROL}/{page}", data=body), timeout=60) as answer:
        return answer.read()


def tool(*command):
    return lambda data: subprocess.run(command, input=data, capture_output=True, check=True).stdout


DECODERS = {"none": [bytes], "gzip": [gzip.decompress, tool("gzip", "-dc")], "bzip2": [bz2.decompress, tool("bzip2", "-dc")],
            "xz": [lzma.decompress, tool("xz", "-dc")], "zstd": [tool("zstd", "-q", "-dc")], "lz4": [tool("lz4", "-q", "-dc")],
            "deflate": [zlib.decompress]}


def export(name, options):
    """Exports the rows and returns {key: bytes}, manifests apart."""
    psql(f"DROP FOREIGN TABLE IF EXISTS readers; CREATE FOREIGN TABLE readers (id int, kind text, words text, price numeric(12,2)) "
         f"SERVER readers OPTIONS (dir 'readers/{name}/', {options}); INSERT INTO readers SELECT * FROM readers_source ORDER BY id")
    found = json.loads(control(f"objects?bucket={BUCKET}&prefix=readers/{name}/"))["objects"]
    objects = {o["key"]: control(f"data?bucket={BUCKET}&key=" + urllib.parse.quote(o["key"], safe="")) for o in found}
    return found, objects


def number(key):
    return int(key.rsplit("_", 1)[1].split(".")[0])


def decode(codec, objects, what):
    """All decoders of a codec must make the same of every object; returns the texts in the objects' order."""
    texts = []
    for key in sorted(objects, key=number):
        outs = [decoder(objects[key]) for decoder in DECODERS[codec]]
        check(all(o == outs[0] for o in outs), f"{what}: all decoders agree")
        texts.append(outs[0])
    return texts


def csv_rows(texts):
    rows = []
    for text in texts:
        lines = list(csv.reader(io.StringIO(text.decode(), newline="")))
        assert lines[0] == ["id", "kind", "words", "price"], lines[0]
        rows += lines[1:]
    return rows


def expected_rows():
    # what csv.reader makes of the server's own csv
    done = subprocess.run(["psql", "-XAtq", "-c", "COPY (SELECT * FROM readers_source ORDER BY id) TO STDOUT (FORMAT csv)"],
                          capture_output=True, check=True)
    return list(csv.reader(io.StringIO(done.stdout.decode(), newline="")))


def test_codecs(expected):
    for codec in SUFFIXES:
        for split in ("0", "100kB"):
            what = f"{codec}, max_file_size {split}"
            name = f"csv_{codec}_{split}"
            _, objects = export(name, f"format 'csv', header 'true', compression '{codec}', max_file_size '{split}'")
            check(all(k.endswith(".csv" + SUFFIXES[codec]) for k in objects), f"{what}: names")
            check((len(objects) > 1) == (split != "0"), f"{what}: number of objects", str(len(objects)))
            check(csv_rows(decode(codec, objects, what)) == expected, f"{what}: the rows are equal")
    _, objects = export("jsonl", "format 'jsonl', compression 'gzip'")
    rows = [json.loads(line) for text in decode("gzip", objects, "jsonl") for line in text.decode().split("\n")[:-1]]
    check(len(rows) == ROWS and all(list(r) == ["id", "kind", "words", "price"] for r in rows), "jsonl: one object per row")
    check([str(r["id"]) for r in rows] == [e[0] for e in expected], "jsonl: the ids")
    check([r["words"] or "" for r in rows] == [e[2] for e in expected], "jsonl: the words")
    nulls = int(psql("SELECT count(*) FROM readers_source WHERE words IS NULL"))
    check(sum(r["words"] is None for r in rows) == nulls and nulls > 0, "jsonl: NULL is null")


# By stream and at once; what a runtime has no decoder for is told by name, not tried in silence.
NODE = r"""
const fs = require('fs'), zlib = require('zlib'), crypto = require('crypto');
const decoders = { gzip: zlib.createGunzip, deflate: zlib.createInflate, zstd: zlib.createZstdDecompress };
const atOnce = { gzip: zlib.gunzipSync, deflate: zlib.inflateSync, zstd: zlib.zstdDecompressSync };
const hex = (data) => crypto.createHash('sha256').update(data).digest('hex');
async function read(codec, path) {
  if (!decoders[codec]) return 'skipped';
  const hash = crypto.createHash('sha256'), stream = fs.createReadStream(path, { highWaterMark: 1000 }).pipe(decoders[codec]());
  for await (const piece of stream) hash.update(piece);
  const streamed = hash.digest('hex'), whole = hex(atOnce[codec](fs.readFileSync(path)));
  return streamed === whole ? whole : 'stream and whole differ';
}
(async () => {
  for (const line of process.argv.slice(1)) {
    const [codec, path] = line.split('=');
    console.log(await read(codec, path).catch((problem) => 'refused: ' + problem.message));
  }
})();
"""


def test_runtimes(folder):
    """Node and Java: the decompressed objects, one behind the other, are the bytes that COPY writes."""
    copied = subprocess.run(["psql", "-XAtq", "-c", "COPY (SELECT * FROM readers_source ORDER BY id) TO STDOUT (FORMAT csv)"], capture_output=True, check=True).stdout
    runtimes = {"Node": ("node", ["-e", NODE]), "Java": ("java", [str(pathlib.Path(__file__).resolve().parent / "ReadCodec.java")])}
    jobs = []
    for codec, split in [(c, s) for c in ("gzip", "deflate", "zstd") for s in ("0", "100kB")]:
        _, objects = export(f"runtime_{codec}_{split}", f"format 'csv', compression '{codec}', max_file_size '{split}'")
        ordered = sorted(objects, key=number)
        plain = [DECODERS[codec][0](objects[key]) for key in ordered]
        # the proof that a digest of these stands for COPY's bytes
        check(b"".join(plain) == copied, f"{codec}, max_file_size {split}: COPY's bytes")
        for key, text in zip(ordered, plain):
            path = folder / key.replace("/", "_").replace("=", "_")
            path.write_bytes(objects[key])
            jobs.append((codec, path, hashlib.sha256(text).hexdigest()))
        if codec == "gzip":
            # as people join files: cat a.gz b.gz
            path = folder / f"joined_{split}.gz"
            path.write_bytes(b"".join(objects[key] for key in ordered))
            jobs.append((codec, path, hashlib.sha256(copied).hexdigest()))
    for name, (program, arguments) in runtimes.items():
        if not shutil.which(program):
            print(f"skipped: {name} is not installed")
            continue
        done = subprocess.run([program, *arguments, *(f"{codec}={path}" for codec, path, _ in jobs)], capture_output=True, text=True)
        answers = done.stdout.splitlines()
        check(len(answers) == len(jobs), f"{name} ran", done.stderr[-500:])
        for (codec, path, digest), answer in zip(jobs, answers):
            if answer != "skipped":
                check(answer == digest, f"{name} on {path.name}", answer)
        for codec in sorted({codec for (codec, _, _), answer in zip(jobs, answers) if answer == "skipped"}):
            print(f"skipped: this {name} has no {codec}")
        check(any(answer != "skipped" for answer in answers), f"{name} read something")


def test_manifest():
    found, objects = export("manifest", "format 'csv', compression 'zstd', max_file_size '50kB', manifest 'true', partition_by 'kind'")
    manifests = [k for k in objects if "_manifest_" in k]
    check(len(manifests) == 1, "manifest: one")
    told = json.loads(objects[manifests[0]])
    facts = {o["key"]: o for o in found if o["key"] not in manifests}
    listed = {urllib.parse.unquote(urllib.parse.urlsplit(e["url"]).path.lstrip("/")) if "%" in e["url"] else e["url"].split(BUCKET + "/", 1)[1]: e
              for e in told["entries"]}
    check(set(listed) == set(facts), "manifest: lists what lies there", str(set(listed) ^ set(facts))[:300])
    check(all(facts[k]["size"] == e["bytes"] for k, e in listed.items() if k in facts), "manifest: bytes")
    check(all(int(facts[k]["crc64"]) == int(e["crc64"]) for k, e in listed.items() if k in facts), "manifest: CRC-64")
    check(all(facts[k]["etag"].lower() == e["etag"].lower().strip('"') for k, e in listed.items() if k in facts), "manifest: ETag")
    check(told["rows"] == ROWS == sum(e["rows"] for e in told["entries"]), "manifest: rows")
    check(told["version"] == 1 and [c["name"] for c in told["columns"]] == ["id", "kind", "words", "price"], "manifest: columns")


def test_tables(folder, expected):
    """pandas and DuckDB, in the Python that has them."""
    keys = {}
    for codec in ("none", "gzip", "zstd", "bzip2", "xz"):
        _, objects = export(f"tables_{codec}", f"format 'csv', header 'true', compression '{codec}', max_file_size '200kB'")
        keys[codec] = []
        for key, data in objects.items():
            path = folder / key.replace("/", "_")
            path.write_bytes(data)
            keys[codec].append(str(path))
    _, objects = export("tables_jsonl", "format 'jsonl', compression 'gzip'")
    (folder / "rows.jsonl.gz").write_bytes(next(iter(objects.values())))
    total = int(psql("SELECT sum(price * 100)::bigint FROM readers_source"))
    nulls = int(psql("SELECT count(*) FROM readers_source WHERE words IS NULL"))
    empty = int(psql("SELECT count(*) FROM readers_source WHERE words = ''"))
    program = """
import json, sys
import duckdb, pandas
keys, jsonl, expected = json.loads(sys.argv[1])
rows, total, nulls, empty = expected
for codec, paths in keys.items():
    frame = pandas.concat([pandas.read_csv(p, keep_default_na=False, dtype=str) for p in paths])
    good = len(frame) == rows and sum(int(x.replace('.', '')) for x in frame['price']) == total and frame['id'].nunique() == rows
    print(f"pandas {codec}: {'good' if good else 'bad'}")
    if codec in ('none', 'gzip', 'zstd'):
        got = duckdb.sql(f"SELECT count(*), sum(price * 100)::bigint, count(*) FILTER (WHERE words IS NULL), count(*) FILTER (WHERE words = ''), count(DISTINCT id) "
                         f"FROM read_csv({paths!r}, header = true, delim = ',', quote = '\\"', columns = {{'id': 'INT', 'kind': 'VARCHAR', 'words': 'VARCHAR', 'price': 'DECIMAL(12,2)'}}, "
                         f"allow_quoted_nulls = false)").fetchall()[0]
        print(f"duckdb {codec}: {'good' if got == (rows, total, nulls, empty, rows) else 'bad ' + str(got)}")
got = duckdb.sql(f"SELECT count(*), sum(price * 100)::bigint, count(*) FILTER (WHERE words IS NULL), count(*) FILTER (WHERE words = '') "
                 f"FROM read_json({jsonl!r}, format = 'newline_delimited', columns = {{'id': 'INT', 'words': 'VARCHAR', 'price': 'DECIMAL(12,2)'}})").fetchall()[0]
print(f"duckdb jsonl: {'good' if got == (rows, total, nulls, empty) else 'bad ' + str(got)}")
"""
    python = os.environ.get("INTEROP_PYTHON", sys.executable)
    done = subprocess.run([python, "-B", "-c", program, json.dumps([keys, str(folder / "rows.jsonl.gz"), [ROWS, total, nulls, empty]])],
                          capture_output=True, text=True)
    lines = done.stdout.splitlines()
    check(done.returncode == 0, "pandas and DuckDB ran", done.stderr[-500:])
    check(len(lines) == 9, "pandas and DuckDB read everything", str(lines))
    for line in lines:
        check(line.endswith(": good"), line)


def main():
    psql(f"""SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS oss_fdw; DROP SERVER IF EXISTS readers CASCADE; DROP TABLE IF EXISTS readers_source;
        CREATE SERVER readers FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint '{os.environ["OSS_TEST_ENDPOINT"]}', region '{os.environ["OSS_TEST_REGION"]}', bucket '{BUCKET}');
        CREATE USER MAPPING FOR CURRENT_USER SERVER readers OPTIONS (access_key_id '{os.environ["OSS_TEST_KEY_ID"]}', access_key_secret '{os.environ["OSS_TEST_KEY_SECRET"]}');
        CREATE TABLE readers_source AS SELECT i AS id, 'kind ' || i % 5 AS kind,
          CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'two\\nlines, "quoted"' WHEN 3 THEN '中文, ü' ELSE md5(i::text) END AS words,
          (i * 1.37)::numeric(12,2) AS price FROM generate_series(1, {ROWS}) i""")
    expected = expected_rows()
    try:
        test_codecs(expected)
        test_manifest()
        with tempfile.TemporaryDirectory() as folder:
            test_runtimes(pathlib.Path(folder))
            test_tables(pathlib.Path(folder), expected)
    finally:
        control("clear", {"bucket": BUCKET, "prefix": "readers/"})
        psql("SET client_min_messages = warning; DROP SERVER readers CASCADE; DROP TABLE readers_source")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
