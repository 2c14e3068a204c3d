#!/usr/bin/env python3
"""Objects of our codecs through decoders of others, and theirs through ours.

Builds contrib_tests/interop/test_codecs.c on the core, lets it write objects of several sizes, blocks and levels, and
decodes each by command-line tools, Python, Node, Java, and, in a virtual environment, pandas, DuckDB, lz4 and snappy from
PyPI.  A decoder that is not installed is skipped and named.  Ends with the line "N passed, N failed".

Environment: BUILD_DIR (build), CC (cc), INTEROP_PYTHON (a Python with the packages of
requirements_codecs.txt; else one is made in BUILD_DIR).
"""

import bz2
import gzip
import hashlib
import lzma
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", "build"))
BUILD = BUILD if BUILD.is_absolute() else ROOT / BUILD

SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".lz4": "lz4", ".bz2": "bzip2", ".xz": "xz", ".deflate": "deflate"}
REQUIREMENTS = HERE / "requirements_codecs.txt"

passed = 0
failed = 0


def check(good, what, detail=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {what} {detail}".rstrip())


def skip(what):
    print(f"skipped: {what} is not installed")


def digest(data):
    return hashlib.sha256(data).hexdigest()


def build_program(folder):
    """Links test_codecs.c with the core's static library, which the Makefile makes."""
    library = BUILD / "wall" / "libcore.a"
    subprocess.run(["make", "--no-print-directory", "-s", f"BUILD_DIR={BUILD}", str(library)], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    packages = re.search(r"^CORE_PKGS = (.*)$", (ROOT / "Makefile").read_text(), re.M).group(1).split()
    libs = subprocess.run(["pkg-config", "--libs", *packages], check=True, capture_output=True, text=True).stdout.split()
    program = folder / "test_codecs"
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-I", str(ROOT / "oss_fdw" / "core"), "-o", str(program),
                    str(HERE / "test_codecs.c"), str(library), *libs, "-lbz2", "-lpthread", "-lm"], check=True)
    return program


def interop_python():
    """A Python with the packages, or None; they are installed once per build folder."""
    if "INTEROP_PYTHON" in os.environ:
        return os.environ["INTEROP_PYTHON"]
    folder = BUILD / "interop-codecs"
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
        subprocess.run([str(python), "-m", "pip", "-q", "install", "-r", str(REQUIREMENTS)], check=True, capture_output=True)
    except (subprocess.CalledProcessError, OSError):
        return None
    return str(python)


def objects_of(folder, codec):
    """Pairs of (object, plain file) that our program wrote."""
    suffix = next(s for s, c in SUFFIXES.items() if c == codec)
    return [(path, folder / (path.name.split(".")[0] + ".csv")) for path in sorted(folder.glob(f"*.csv{suffix}"))]


def check_objects(folder, codec, decoder, decode):
    """decode(bytes) -> bytes for every object of the codec."""
    for path, plain in objects_of(folder, codec):
        try:
            result = decode(path.read_bytes())
            check(result == plain.read_bytes(), f"{decoder} on {path.name}", f"{len(result)} bytes")
        except Exception as problem:  # any refusal of a decoder is a finding
            check(False, f"{decoder} on {path.name}", str(problem)[:200])


def run_tool(*command):
    def decode(data):
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout

    return decode


def check_python(folder):
    check_objects(folder, "gzip", "Python gzip", gzip.decompress)
    check_objects(folder, "bzip2", "Python bz2", bz2.decompress)
    check_objects(folder, "xz", "Python lzma", lzma.decompress)
    check_objects(folder, "deflate", "Python zlib", zlib.decompress)


def check_tools(folder):
    tools = [("gzip", ["gzip", "-dc"]), ("gzip", ["pigz", "-dc"]), ("deflate", ["pigz", "-dzc"]), ("zstd", ["zstd", "-dc"]),
             ("lz4", ["lz4", "-dc"]), ("bzip2", ["bzip2", "-dc"]), ("xz", ["xz", "-dc"])]
    for codec, command in tools:
        if shutil.which(command[0]):
            check_objects(folder, codec, command[0], run_tool(*command))
        else:
            skip(command[0])


def check_node(folder):
    if not shutil.which("node"):
        skip("node")
        return
    script = """const zlib = require('zlib'), fs = require('fs');
        const data = fs.readFileSync(0);
        process.stdout.write(process.argv[1] === 'gzip' ? zlib.gunzipSync(data) : zlib.inflateSync(data));"""
    for codec in ("gzip", "deflate"):
        check_objects(folder, codec, "Node zlib", run_tool("node", "-e", script, codec))


def check_java(folder):
    """One start per codec: a Java machine takes a second to come up."""
    if not shutil.which("java"):
        skip("java")
        return
    for codec in ("gzip", "deflate"):
        pairs = objects_of(folder, codec)
        run = subprocess.run(["java", str(HERE / "ReadCodec.java"), *(f"{codec}={path}" for path, _ in pairs)],
                             capture_output=True, text=True, check=False)
        sums = run.stdout.splitlines()
        for number, (path, plain) in enumerate(pairs):
            good = number < len(sums) and sums[number] == digest(plain.read_bytes())
            check(good, f"Java on {path.name}", run.stderr.strip()[-200:])


# Runs in the other Python: "decoder codec path plain" lines in, "ok" or a problem out.
WORKER = r'''
import io, sys

def by_pandas(path, plain):
    import pandas
    return pandas.read_csv(path, compression="infer").equals(pandas.read_csv(plain))

def by_duckdb(path, plain):
    import duckdb
    packed = duckdb.sql(f"select * from read_csv('{path}', header=true) order by id").fetchall()
    return packed == duckdb.sql(f"select * from read_csv('{plain}', header=true) order by id").fetchall() and len(packed) > 0

def by_lz4(path, plain):
    import lz4.frame
    with lz4.frame.open(path) as file:
        return file.read() == open(plain, "rb").read()

for line in sys.stdin:
    name, path, plain = line.rstrip("\n").split("\t")
    try:
        print("ok" if globals()["by_" + name](path, plain) else "differs")
    except ImportError as problem:
        print("missing", problem)
    except Exception as problem:
        print("problem", " ".join(str(problem).split())[:200])
'''


def check_packages(folder, python):
    """Readers of tables: only objects that hold rows."""
    jobs = [(name, path, plain)
            for name, codecs in (("pandas", ("gzip", "zstd", "bzip2", "xz")), ("duckdb", ("gzip", "zstd")), ("lz4", ("lz4",)))
            for codec in codecs for path, plain in objects_of(folder, codec)
            if name == "lz4" or plain.stat().st_size > 20]
    run = subprocess.run([python, "-c", WORKER], input="".join(f"{n}\t{p}\t{q}\n" for n, p, q in jobs), capture_output=True, text=True,
                         check=False)
    answers = run.stdout.splitlines()
    missing = set()
    for number, (name, path, _) in enumerate(jobs):
        answer = answers[number] if number < len(answers) else run.stderr.strip()[-200:]
        if answer.startswith("missing"):
            missing.add(name)
        else:
            check(answer == "ok", f"{name} on {path.name}", answer)
    for name in sorted(missing):
        skip(name)


def check_ours(folder, program, python):
    """What other compressors make, decoded by us."""
    tools = [("gzip", ["gzip", "-9c"]), ("gzip", ["pigz", "-c", "-b", "128"]), ("deflate", ["pigz", "-zc"]),
             ("zstd", ["zstd", "-T0", "-c"]), ("zstd", ["zstd", "-19", "-c"]), ("zstd", ["zstd", "--long=27", "-c"]),
             ("lz4", ["lz4", "-c"]), ("lz4", ["lz4", "-9", "-BD", "-c"]), ("bzip2", ["bzip2", "-c"]), ("xz", ["xz", "-c"]),
             ("xz", ["xz", "-9", "-T2", "-c"])]
    makers = [(codec, " ".join(command), run_tool(*command)) for codec, command in tools if shutil.which(command[0])]
    makers.append(("deflate", "Python zlib", zlib.compress))
    makers.append(("xz", "Python lzma", lzma.compress))
    if python:
        snappy = "import snappy,sys; c=snappy.StreamCompressor(); sys.stdout.buffer.write(c.compress(sys.stdin.buffer.read()))"
        if subprocess.run([python, "-c", "import snappy"], capture_output=True, check=False).returncode == 0:
            makers.append(("snappy", "python-snappy", run_tool(python, "-c", snappy)))
        else:
            skip("python-snappy")
    for plain in sorted(folder.glob("*.csv")):
        if "." in plain.stem or plain.stem == "empty":
            continue
        data = plain.read_bytes()
        for codec, name, make in makers:
            packed = folder / "foreign"
            packed.write_bytes(make(data))
            for wanted in (codec, "auto"):
                run = subprocess.run([str(program), "read", wanted, str(packed)], capture_output=True, check=False)
                check(run.stdout == data, f"we ({wanted}) on {plain.name} by {name}", run.stderr.decode().strip())


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        program = build_program(folder)
        subprocess.run([str(program), "write", str(folder)], check=True)
        python = interop_python()
        check_tools(folder)
        check_python(folder)
        check_node(folder)
        check_java(folder)
        if python:
            check_packages(folder, python)
        else:
            skip(f"what {REQUIREMENTS.name} names")
        check_ours(folder, program, python)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
