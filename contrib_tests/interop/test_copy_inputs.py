#!/usr/bin/env python3
"""What PostgreSQL's own tests send through COPY gives the same rows and the same refusals through our table.

Each input of copy_input_cases.py is loaded with COPY into a heap and read through a foreign table, with the fast paths and
without.  Either all of them give the same rows in the same order (and count(*) counts them), or all refuse: with one SQLSTATE,
COPY's words behind ours, the same line and the same column.  Options are refused by both or taken by both.  What differs on purpose
stands in DIFFERENCES and OPTION_DIFFERENCES, with the reason and what ours does; when that changes, the check fails.  Ends with
"N passed, N failed".

Needs psql and a server on this machine where we are superuser (PGHOST, PGPORT), and the local store (OSS_TEST_*).
Environment: COPY_INPUTS_ONLY, a part of the names of the inputs to try.
"""

import json
import os
import pathlib
import re
import sys
import tempfile

from copy_fixture import copy_options, create_database, literal, psql, put, table_options
from copy_input_cases import inputs, option_lists

DATABASE = "copy_inputs"
LINES = "COPY counts some line ends within rows; ours is the line of the object on which the row begins"
MARK = "a byte order mark is no data"
EMPTY = "objects of size 0 are skipped, whatever should be in them"
OPEN = "a header whose quote never ends would take all rows with it, unseen"

# input -> (why, what our table does: rows, or what is other than COPY's in its refusal)
DIFFERENCES = {
    "csv: encoding: a byte order mark": (MARK, {"rows": ["(a,b)"]}),
    "text: encoding: a byte order mark": (MARK, {"rows": ["(a,b)"]}),
    "csv: a header that must match behind a byte order mark": (MARK, {"rows": ["(1,2,x)"]}),
    "text: a header that must match behind a byte order mark": (MARK, {"rows": ["(1,2,x)"]}),
    "csv: a header that must match of an empty file": (EMPTY, {"rows": []}),
    "text: a header that must match of an empty file": (EMPTY, {"rows": []}),
    "csv: header with an open quote": (OPEN, {"state": "22P04", "message": "unterminated CSV quoted field", "line": "1"}),
    "csv: header with an open quote inside": (OPEN, {"state": "22P04", "message": "unterminated CSV quoted field", "line": "1"}),
    "csv: quotes open to the end": (LINES, {"line": "2"}),
    "csv: quotes open to the end with CRLF": (LINES, {"line": "2"}),
    "csv: quotes open to the end without a line end": (LINES, {"line": "2"}),
    "csv: the place of an error in a row of two lines": (LINES, {"line": "2"}),
    "text: the place of an error behind an escaped line end": (LINES, {"line": "4"}),
}

# options as COPY would have them -> (why, the server versions that differ, does our table take them?)
ALL = range(0, 10**9)
OPTION_DIFFERENCES = {
    "format csv, delimiter E'---'": ("a delimiter may have several bytes", ALL, True),
    "format text, delimiter E'é'": ("a delimiter may have several bytes", ALL, True),
    "format E'CSV'": ("formats in any case", ALL, True),
    "format E'Text'": ("formats in any case", ALL, True),
    "format csv, header yes": ("every way to write a Boolean", ALL, True),
    "format text, force_quote (a)": ("checked when there is something to write", range(0), False),
    "format csv, force_quote (a)": ("a table is also written", ALL, True),
    "format csv, force_null *": ("as COPY from 17 on", range(0, 170000), True),
    "format csv, force_not_null *": ("as COPY from 17 on", range(0, 170000), True),
    "format csv, header match": ("as COPY from 15 on", range(0, 150000), True),
    "format csv, header E'MATCH'": ("as COPY from 15 on", range(0, 150000), True),
    "format csv, default E'\\\\D'": ("not offered: a default is the local table's", range(160000, 10**9), False),
    "format csv, on_error E'ignore'": ("reject_limit does it", range(170000, 10**9), False),
    "format csv, log_verbosity E'verbose'": ("log_errors does it", range(170000, 10**9), False),
    "format csv, reject_limit E'1'": ("stands alone here", ALL, True),
    "format binary, encoding E'LATIN1'": ("values of binary are in the database's encoding", ALL, False),
    "format csv, header 2": ("the option skip does it", range(190000, 10**9), False),
    f"format text, null E'{'x' * 101}'": ("at most 100 bytes", ALL, False),
}

SETUP = r"""
CREATE DOMAIN positive AS int NOT NULL CHECK (VALUE > 0);
CREATE DOMAIN short_word AS varchar(15) NOT NULL;
CREATE TYPE mood AS ENUM ('calm', 'wild');
CREATE TYPE pair AS (a int, b text);
-- the rows of a query behind some statements, or what their refusal says
CREATE FUNCTION attempt(query text, VARIADIC statements text[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE statement text; result jsonb; state text; message text; context text;
BEGIN
	FOREACH statement IN ARRAY statements LOOP EXECUTE statement; END LOOP;
	-- bytes that are no text must not spoil the answer
	EXECUTE format('SELECT CASE WHEN count(*) <= 100 THEN coalesce(jsonb_agg(encode(textsend(whole_row::text), ''escape'') ORDER BY row_place), ''[]'')
		ELSE jsonb_build_array(count(*), md5(string_agg(whole_row::text, E''\n'' ORDER BY row_place))) END
		FROM (SELECT row_number() OVER () AS row_place, whole_row FROM (%s OFFSET 0) whole_row) q', query) INTO result;
	RETURN jsonb_build_object('rows', result);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, context = PG_EXCEPTION_CONTEXT;
	RETURN jsonb_build_object('state', state, 'message', message, 'context', context);
END $$;
CREATE FUNCTION compare(columns text, also text, inserts bool, file text, copy_options text, key text, table_options text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE target text := format('CREATE TEMP TABLE target (%s)', columns);
	foreign_table text := format('CREATE FOREIGN TABLE f (%s) SERVER store OPTIONS (filepath %L%s)', columns, key, table_options);
	read text := 'SELECT * FROM f'; load text := 'SELECT'; result jsonb; none text := 'SELECT';
BEGIN
	DROP TABLE IF EXISTS target; DROP FOREIGN TABLE IF EXISTS f;
	result := jsonb_build_object('copy', attempt('SELECT * FROM target', target, coalesce(format(also, 'target'), none), format('COPY target FROM %L WITH (%s)', file, copy_options)));
	IF inserts THEN
		DROP TABLE IF EXISTS target; EXECUTE target; read := 'SELECT * FROM target'; load := 'INSERT INTO target SELECT * FROM f';
	END IF;
	result := result || jsonb_build_object('table', attempt(read, foreign_table, coalesce(format(also, 'f'), none), load));
	IF inserts THEN TRUNCATE target; END IF;
	DROP FOREIGN TABLE IF EXISTS f;
	PERFORM set_config('oss_fdw.fast_paths', 'off', true);
	result := result || jsonb_build_object('slow', attempt(read, foreign_table, coalesce(format(also, 'f'), none), load));
	PERFORM set_config('oss_fdw.fast_paths', 'on', true);
	IF result->'table' ? 'rows' AND NOT inserts THEN
		result := result || jsonb_build_object('count', attempt('SELECT count(*) FROM f', none)->'rows'->>0);
	END IF;
	RETURN result;
END $$;
"""

passed = 0
failed = 0
kinds = {}


def check(good, what):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {what}")


def refusal(answer):
    """SQLSTATE, message and place; of rows None"""
    if "rows" in answer:
        return None
    place = next((line for line in (answer["context"] or "").split("\n") if line.startswith(("COPY ", "object "))), "")
    line = re.search(r", line (\d+)", place)
    column = re.search(r", line \d+, column (.*?)(?:: |$)", place)
    message = re.sub(r'^could not read foreign table "f": ', "", answer["message"])
    return {"state": answer["state"], "message": message, "line": line and line.group(1), "column": column and column.group(1)}


def same_message(ours, theirs):
    # how many of the bytes that follow a bad one are shown depends on what is at hand
    return ours == theirs or theirs.startswith("invalid byte sequence") and theirs.startswith(ours)


def judge(case, answer):
    """None, or what is wrong with an answer of compare()"""
    copy, table, slow = (answer[name] for name in ("copy", "table", "slow"))
    why, ours = DIFFERENCES.get(case.what, (None, {}))
    kind = "different" if why else "rows" if "rows" in copy else "refused"
    kinds[kind] = kinds.get(kind, 0) + 1
    if table.get("rows") != slow.get("rows") or refusal(table) != refusal(slow):
        return f"fast paths {table}, without {slow}"
    told, tells = refusal(copy), refusal(table)
    if "rows" in table and not case.insert and f"({count_of(table['rows'])})" != answer["count"]:
        return f"counts {answer['count']} rows of {table['rows']}"
    if "rows" in ours:
        return None if table.get("rows") == ours["rows"] != copy.get("rows") else f"rows {table}, not {ours}"
    if told is None and "state" not in ours:
        return None if table.get("rows") == copy["rows"] else f"COPY gives {copy['rows']}, our table {table}"
    if tells is None:
        return f"COPY refuses {copy}, our table gives {table['rows']}"
    if why and told == tells:
        return "no longer different"
    want = {**(told or {"column": None}), **ours}
    if case.insert: # the heap refuses, which knows of no line
        want["line"] = want["column"] = None
    good = tells["state"] == want["state"] and same_message(tells["message"], want["message"]) and tells["line"] == want["line"] and tells["column"] == want["column"]
    return None if good else f"COPY {told}, our table {tells}"


def count_of(rows):
    """more than 100 rows come as their number and a digest"""
    return rows[0] if len(rows) == 2 and isinstance(rows[0], int) else len(rows)


def try_inputs(folder, version):
    only = os.environ.get("COPY_INPUTS_ONLY", "")
    cases = [case for case in inputs() if case.since <= version and only in case.what]
    names = [case.what for case in cases]
    check(len(set(names)) == len(names), f"inputs of one name: {sorted({n for n in names if names.count(n) > 1})}")
    script = ["SET client_min_messages = error;"]
    for number, case in enumerate(cases):
        (folder / str(number)).write_bytes(case.data)
        put(f"inputs/{number}", case.data)
        script.append(f"SELECT compare({literal(case.columns)}, {literal(case.also) if case.also else 'NULL'}, {case.insert}, '{folder}/{number}', "
                      f"{literal(copy_options(case.options))}, 'inputs/{number}', {literal(table_options(case.options))});")
    for case, line in zip(cases, psql("\n".join(script), DATABASE), strict=True):
        wrong = judge(case, json.loads(line))
        check(wrong is None, f"{case.what} {case.data[:100]!r}\n    {str(wrong)[:1500]}")
    if not only:
        check(set(DIFFERENCES) <= {case.what for case in inputs()}, f"differences of no input: {set(DIFFERENCES) - set(names)}")
        check(kinds.get("rows", 0) > 300 and kinds.get("refused", 0) > 200, f"many inputs give rows, and many are refused: {kinds}")


def try_options(folder, version):
    (folder / "empty").write_bytes(b"")
    put("inputs/empty", b"")
    script = ["SET client_min_messages = error;"]
    lists = list(option_lists())
    for options in lists:
        script.append(f"SELECT compare('a text, b text', NULL, false, '{folder}/empty', {literal(copy_options(options))}, 'inputs/empty', {literal(table_options(options))});")
    seen = set()
    for options, line in zip(lists, psql("\n".join(script), DATABASE), strict=True):
        name = copy_options(options)
        answer = json.loads(line)
        taken = "rows" in answer["table"]
        by_copy = "rows" in answer["copy"] or answer["copy"]["message"].startswith(("wrong number of fields in header", "COPY file signature"))
        why, versions, ours = OPTION_DIFFERENCES.get(name, ("", (), None))
        seen.add(name)
        check(taken == (ours if version in versions else by_copy) and (by_copy != taken) == (version in versions),
              f"options {name} ({why}): COPY {answer['copy']}, our table {answer['table']}")
    check(set(OPTION_DIFFERENCES) <= seen, f"differences of options that are not tried: {set(OPTION_DIFFERENCES) - seen}")


def try_writing(version):
    """What COPY writes but cannot read: the rows behind a row that looks like its end of the data would be lost."""
    for what, options, row in (("delimiter", "delimiter '\\'", "(NULL, '.')"), ("quote", "quote '\\'", "(E'.\nx', 'y')")):
        table = f"DROP FOREIGN TABLE IF EXISTS w; CREATE FOREIGN TABLE w (a text, b text) SERVER store OPTIONS (dir 'written/{what}/', {options});"
        answer = json.loads(psql(f"SELECT attempt('SELECT * FROM w', $q${table}$q$, $q$INSERT INTO w VALUES {row}, ('1', '2')$q$)", DATABASE)[0])
        good = answer.get("state") == "22P04" and "end-of-copy marker" in answer["message"]
        check(good if version < 180000 else "rows" in answer, f"a row that ends the data by its {what}: {answer}")
        table = table.replace("written/", "written well/")
        psql(f"{table} INSERT INTO w VALUES ('0', '.'), ('1', '2')", DATABASE)
        rows = psql("SELECT * FROM w", DATABASE)
        check(rows == ["0|.", "1|2"], f"rows that do not: {rows}")


def main():
    create_database(DATABASE, SETUP)
    version = int(psql("SHOW server_version_num", DATABASE)[0])
    if version >= 180000:    # there it is no marker but a quote that never closes
        DIFFERENCES["csv: marker where a backslash quotes"] = (LINES, {"line": "2"})
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        try_inputs(folder, version)
        if "COPY_INPUTS_ONLY" not in os.environ:
            try_options(folder, version)
            try_writing(version)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
