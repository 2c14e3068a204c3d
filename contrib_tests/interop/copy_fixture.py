"""What test_copy_equality.py and test_copy_inputs.py share: a database, the store, cases of COPY and of our table."""

import os
import subprocess
import urllib.parse
import urllib.request

SETUP = """
CREATE EXTENSION oss_fdw;
CREATE SERVER store FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint '{endpoint}', region '{region}', bucket '{bucket}');
CREATE USER MAPPING FOR CURRENT_USER SERVER store OPTIONS (access_key_id '{key_id}', access_key_secret '{key_secret}');
SET client_min_messages = error;
"""


def create_database(database, setup):
    subprocess.run(["psql", "-Xq", "-d", "postgres", "-c", f"DROP DATABASE IF EXISTS {database}", "-c",
                    f"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"], check=True, stderr=subprocess.DEVNULL)
    names = ("endpoint", "region", "bucket", "key_id", "key_secret")
    psql(SETUP.format(**{name: os.environ[f"OSS_TEST_{name.upper()}"] for name in names}) + setup, database)


def psql(sql, database):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database], input=sql.encode(), capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"psql: {done.stderr.decode(errors='replace')[:2000]}")
    return done.stdout.decode(errors="replace").rstrip("\n").split("\n")


def literal(text):
    for plain, escaped in (("\\", "\\\\"), ("'", "''"), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r"), ("\x01", "\\x01")):
        text = text.replace(plain, escaped)
    return f"E'{text}'"


def put(key, data):
    url = f"{os.environ['OSS_TEST_CONTROL']}/data?bucket={os.environ['OSS_TEST_BUCKET']}&key={urllib.parse.quote(key, safe='')}"
    with urllib.request.urlopen(urllib.request.Request(url, data=data, method="PUT"), timeout=60) as answer:
        answer.read()


def copy_options(options):
    """of COPY; options: pairs of names and values"""
    words = []
    for name, value in options:
        if name in ("force_null", "force_not_null", "force_quote"):
            words.append(f"{name} {'*' if value == '*' else '(%s)' % ', '.join(value)}")
        elif name in ("format", "header") and value.isalnum() and value == value.lower():
            words.append(f"{name} {value}")
        else:
            words.append(f"{name} {literal(value)}")
    return ", ".join(words)


def table_options(options):
    """of our table, to stand behind another one"""
    return "".join(f", {name} {literal(', '.join(value) if isinstance(value, tuple) else value)}" for name, value in options)
