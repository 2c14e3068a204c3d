#!/usr/bin/env python3
"""The core's value formatters and parsers against a server.

Builds test_values_server.c with the core's value files.  Then, for random rows of all classes: the text that COPY TO
writes must be ours byte for byte (text and csv, three time zones), and reading it must give the bytes of COPY BINARY.  Last, for
mangled texts of each type: what our parser accepts, the type's input function must read alike.  Ends with "N passed, N failed".

Needs psql and a server where we are superuser (PGHOST, PGPORT, PGUSER, PGDATABASE).
Environment: CC (cc), OSS_TEST_TMP (where files go), VALUES_ROWS (60000), VALUES_TEXTS (60000), VALUES_SEED (1).
"""

import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
from decimal import Decimal, getcontext

HERE = pathlib.Path(__file__).resolve().parent
CORE = HERE.parent.parent / "oss_fdw" / "core"
ROWS = int(os.environ.get("VALUES_ROWS", "60000"))
TEXTS = int(os.environ.get("VALUES_TEXTS", "60000"))
SEED = int(os.environ.get("VALUES_SEED", "1"))

COLUMNS = ["bool", "int2", "int4", "int8", "oid", "float4", "float8", "numeric", "date", "time", "timetz", "timestamp",
           "timestamptz", "uuid", "bytea", "text"]
PARSED = [name for name in COLUMNS if name not in ("timetz", "text")]
ZONES = {"'UTC'": 0, "INTERVAL '05:30'": 19800, "INTERVAL '-03:30:52'": -12652}

passed = 0
failed = 0


def check(good, what, detail=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {what} {detail}".rstrip())


def build(folder):
    program = folder / "values"
    sources = [HERE / "test_values_server.c", CORE / "oc_pow10.c", *sorted(CORE.glob("oc_parse_*.c")),
               *(CORE / f"oc_format_{name}.c" for name in ("number", "float", "time", "text", "binary"))]
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-D_GNU_SOURCE",
                    "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", f"-I{CORE}", "-o", str(program), *map(str, sources)], check=True)
    return program


def psql(sql, data=None):
    """Runs sql; COPY FROM STDIN takes data, COPY TO STDOUT is returned.  Quiet, and the first error ends it."""
    command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", "SET datestyle = 'ISO, MDY'"]
    for statement in sql:
        command += ["-c", statement]
    result = subprocess.run(command, input=data, capture_output=True)
    if result.returncode != 0:
        raise SystemExit(f"psql: {result.stderr.decode(errors='replace')}")
    return result.stdout


def run(program, *arguments, data=b""):
    return subprocess.run([str(program), *map(str, arguments)], input=data, check=True, stdout=subprocess.PIPE)


# ---------------------------------------------------------------- rows


def fields(data):
    """The fields of COPY BINARY, row by row."""
    at = 19
    while True:
        count = struct.unpack_from(">h", data, at)[0]
        at += 2
        if count < 0:
            return
        row = []
        for _ in range(count):
            size = struct.unpack_from(">i", data, at)[0]
            at += 4
            row.append(data[at:at + size])
            at += size
        yield row


def first_difference(ours, theirs):
    for number, pair in enumerate(zip(ours.split(b"\n"), theirs.split(b"\n")), 1):
        if pair[0] != pair[1]:
            return f"line {number}: ours {pair[0]!r}, the server's {pair[1]!r}"
    return "one is longer"


def out_of_plain_range(name, text):
    """What a parser may leave to the input function although the output function wrote it."""
    if name in ("date", "timestamp", "timestamptz"):
        return text.endswith("BC") or not (text[:5].endswith("-") or text == "-infinity")
    if name == "time":
        return text == "24:00:00"
    if name == "numeric":
        return len(text) > 256 or text.endswith("Infinity")
    if name in ("float4", "float8"):
        return abs(float(text)) < (1.1754944e-38 if name == "float4" else 2.2250738585072014e-308)
    return False


def check_rows(program):
    quoted = ", ".join(f'"{name}" {name}' for name in COLUMNS)
    psql([f"DROP TABLE IF EXISTS value_rows", f"CREATE UNLOGGED TABLE value_rows ({quoted})",
          "COPY value_rows FROM STDIN (FORMAT binary)"], run(program, "make", ROWS, SEED).stdout)
    binary = psql(["COPY value_rows TO STDOUT (FORMAT binary)"])
    for zone, offset in ZONES.items():
        for form in ("text", "csv"):
            theirs = psql([f"SET TIME ZONE {zone}", f"COPY value_rows TO STDOUT (FORMAT {form})"])
            ours = run(program, "format", form, offset, data=binary).stdout
            check(ours == theirs, f"{form} in {zone}:", "" if ours == theirs else first_difference(ours, theirs))

    odd = {"csv_odd": "FORMAT csv, DELIMITER '|', QUOTE '''', ESCAPE '\\', NULL 'N'", "text_odd": "DELIMITER '|', NULL 'N'"}
    for form, options in odd.items():
        theirs = psql([f"COPY value_rows TO STDOUT ({options})"])
        ours = run(program, "format", form, 0, data=binary).stdout
        check(ours == theirs, f"{form}:", "" if ours == theirs else first_difference(ours, theirs))
    theirs = psql(["SELECT to_json(text) FROM value_rows"])
    ours = run(program, "json", data=binary).stdout
    check(ours == theirs, "json:", "" if ours == theirs else first_difference(ours, theirs))

    names = ", ".join(f'"{name}"' for name in PARSED)
    text = psql(["SET TIME ZONE INTERVAL '05:30'", f"COPY (SELECT {names} FROM value_rows) TO STDOUT"])
    expected = psql([f"COPY (SELECT {names} FROM value_rows) TO STDOUT (FORMAT binary)"])
    ours = run(program, "parse", *PARSED, data=text).stdout
    wrong = []
    taken = 0
    for line, mine, theirs in zip(text.decode().split("\n"), fields(ours), fields(expected)):
        for name, field, mine_value, value in zip(PARSED, line.split("\t"), mine, theirs):
            # a refused field has no bytes; an empty bytea rightly has none either
            if mine_value == value:
                taken += 1
            elif mine_value or not out_of_plain_range(name, field):
                # of NaN only the kind is told, not which of its many patterns
                if not (field == "NaN" and name.startswith("float")):
                    wrong.append((name, field))
    check(not wrong, "parsed rows differ:", str(wrong[:10]))
    check(taken > ROWS * len(PARSED) * 3 // 4, "hardly anything was parsed")


# ---------------------------------------------------------------- mangled texts

SEEDS = {
    "bool": "t f true false 1 0 T F TRUE FALSE yes no on off tr True 2",
    "int2": "0 -0 +5 32767 -32768 32768 -32769 007 1_000 0x10 1e2 12.0 --5 +-5 - 123456",
    "int4": "0 -0 2147483647 -2147483648 2147483648 -2147483649 12345678 123456789 0000000012 1234567890123",
    "int8": "9223372036854775807 -9223372036854775808 9223372036854775808 18446744073709551616 9999999999999999999 12345678901234567",
    "oid": "0 4294967295 4294967296 -1 +5 007 0x1 1.0",
    "float4": "0 -0 1 1.5 0.1 3.4028235e38 3.4028236e38 1e-38 1e-45 16777217 NaN nan Infinity -Infinity inf .5 5. . 1e10 1.e5 1d5 0x10 0e9999",
    "float8": "0 -0 1.5 0.1 1.7976931348623157e308 1.7976931348623159e308 2.2250738585072011e-308 5e-324 1e-400 9007199254740993 "
              "4503599627370497.5 1e23 123456789012345678901234567890 1e22 1e-22 NaN Infinity -NaN .5 5. 1.e5 0x10 0e400",
    "numeric": "0 -0 -0.00 0.000 1 1. .5 . +5 10000 100000000 0.0001 123456789.123456789 NaN nan Infinity 1e5 99990000 0000012.500",
    "numeric(7,2)": "99999.99 100000 99999.995 1.5 1.505 1.500 0.004 -12345.67 0 NaN Infinity 0.1 00000012.5",
    "numeric(3,3)": "0.123 0.1 0 1 .999 0.9995 0.1230",
    "numeric(20,0)": "12345678901234567890 1.0 1.5 99999999999999999999 100000000000000000000",
    "numeric(30,20)": "1234567890.12345678901234567890 9999999999.5 10000000000 0.1",
    "time(0)": "12:34:56 12:34:56.5 12:34:56.000 12:34:56.4",
    "timestamp(3)": "2024-02-29_12:34:56.123 2024-02-29_12:34:56.1234 2024-02-29_12:34:56.1230 2024-02-29_12:34:56.5",
    "timestamptz(1)": "2024-02-29_12:34:56.1+08 2024-02-29_12:34:56.15+08 2024-02-29T12:34:56.10Z",
    "date": "2024-02-29 2023-02-29 1900-02-29 0001-01-01 0000-01-01 9999-12-31 2024-13-01 2024-01-32 infinity -infinity 2024-1-1 20240101",
    "time": "00:00:00 23:59:59 23:59:59.999999 23:59:60 24:00:00 12:30 12:30:00.5 12:30:00.1234567 1:2:3 12:60:00 12:30.5 12:30:00Z",
    "timestamp": "2024-02-29_12:34:56 2024-02-29T12:34:56 2024-02-29_12:34:56.123456 2024-02-29_24:00:00 2024-02-29 2024-02-29_12:34 "
                 "2024-02-29T12:34 2024-02-29_12 infinity -infinity 0001-01-01_00:00:00 9999-12-31_23:59:59.999999 2024-02-29_12:34:56+08",
    "timestamptz": "2024-02-29_12:34:56+08 2024-02-29_12:34:56+08:30 2024-02-29_12:34:56-0330 2024-02-29_12:34:56+08:30:15 "
                   "2024-02-29T12:34:56.123Z 2024-02-29_12:34:56Z 2024-02-29T12:34Z 2024-02-29_12:34+08 2024-02-29_12:34:56+15:59:59 "
                   "2024-02-29_12:34:56+16 2024-02-29_12:34:56-00 infinity 0001-01-01_00:00:00+15",
    "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11 a0eebc999c0b4ef8bb6d6bb9bd380a11",
    "bytea": "\\x \\x00 \\xDEADbeef \\xabc \\X00 abc \\x0123456g89abcdef \\x@@@@@@@@ \\x```````` \\xgggggggg",
}
LETTERS = {
    "bool": "tfTFrue01yn ", "uuid": "0123456789abcdefABCDEFgG-{}", "bytea": "0123456789abcdefABCDEFgG@`/: x", "date": "0123456789-/ BC",
    "time": "0123456789:. +Z", "timestamp": "0123456789-: .T+Z", "timestamptz": "0123456789-: .T+Z",
    "float4": "0123456789.eE+-NaInfxd ", "float8": "0123456789.eE+-NaInfxd ", "numeric": "0123456789.eE+-N _",
}


def mangle(rng, name, text):
    letters = LETTERS.get(name.split("(")[0], "0123456789-+ _x")
    text = list(text.replace("_", " ") if name.startswith("time") else text)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        at = rng.randrange(len(text) + 1)
        kind = rng.random()
        if kind < 0.25 and text:
            del text[min(at, len(text) - 1)]
        elif kind < 0.5 or not text:
            text.insert(at, rng.choice(letters))
        else:
            at = min(at, len(text) - 1)
            text[at] = rng.choice("0123456789" if text[at].isdigit() and rng.random() < 0.8 else letters)
    return "".join(text)


def random_number(rng, name):
    digits = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, rng.choice((8, 16, 20, 30)))))
    at = rng.randint(0, len(digits))
    text = rng.choice(("", "", "-", "+")) + digits[:at] + ("." if rng.random() < 0.7 else "") + digits[at:]
    if name.startswith("float") and rng.random() < 0.6:
        text += rng.choice("eE") + str(rng.randint(-45, 40) if name == "float4" else rng.randint(-330, 310))
    return text


def tie(rng, name):
    """The middle between two neighbouring floats, exactly."""
    if name == "float8":
        bits = rng.getrandbits(52) | rng.randint(1000, 1090) << 52
        low, high = (struct.unpack("<d", struct.pack("<Q", bits + step))[0] for step in (0, 1))
    else:
        bits = rng.getrandbits(23) | rng.randint(100, 160) << 23
        low, high = (struct.unpack("<f", struct.pack("<I", bits + step))[0] for step in (0, 1))
    return format((Decimal(low) + Decimal(high)) / 2, "f")


def make_texts():
    rng = random.Random(SEED)
    getcontext().prec = 400
    names = list(SEEDS)
    for _ in range(TEXTS):
        name = rng.choice(names)
        if name in ("float4", "float8") and rng.random() < 0.1:
            yield name, tie(rng, name)
        elif name.startswith(("float", "numeric")) and rng.random() < 0.6:
            yield name, random_number(rng, name)
        else:
            yield name, mangle(rng, name, rng.choice(SEEDS[name].split()))


def check_texts(program):
    texts = list(make_texts())
    verdicts = run(program, "judge", data="".join(f"{name}\t{text}\n" for name, text in texts).encode()).stdout.decode()
    accepted = [(name, text, verdict) for (name, text), verdict in zip(texts, verdicts.split("\n")) if verdict != "!"]
    rows = "".join("\t".join(part.replace("\\", "\\\\") for part in row) + "\n" for row in accepted)
    # bool's cast to text writes words, its output function letters
    wrong = psql([
        "CREATE OR REPLACE FUNCTION pg_temp.reads_as(name text, value text) RETURNS text LANGUAGE plpgsql AS $$"
        " DECLARE result text; BEGIN EXECUTE format('SELECT format(''%%s'', $1::%s)', name) INTO result USING value; RETURN result;"
        " EXCEPTION WHEN OTHERS THEN RETURN '!'; END $$",
        "CREATE TEMP TABLE accepted (name text, value text, ours text)", "SET TIME ZONE 'UTC'", "COPY accepted FROM STDIN",
        "SELECT name, quote_literal(value), ours, pg_temp.reads_as(name, value) FROM accepted"
        " WHERE ours IS DISTINCT FROM pg_temp.reads_as(name, value) LIMIT 20"], rows.encode()).decode()
    check(wrong == "", "accepted, but the server disagrees:", "\n" + wrong)
    counts = {name: sum(row[0] == name for row in accepted) for name in SEEDS}
    check(min(counts.values()) > TEXTS // 1000, "too little was accepted to tell anything:", str(counts))
    print(f"{len(texts)} texts, accepted {counts}")


def main():
    with tempfile.TemporaryDirectory(dir=os.environ.get("OSS_TEST_TMP")) as folder:
        program = build(pathlib.Path(folder))
        check_rows(program)
        check_texts(program)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
