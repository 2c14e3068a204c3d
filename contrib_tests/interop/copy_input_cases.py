"""The inputs of test_copy_inputs.py: what PostgreSQL's and file_fdw's regression tests send through COPY, written anew.

Shapes, types, options, quirks and refusals are theirs (copy, copy2, copydml, copyencoding, copyselect and the data files
that the other tests load; file_fdw's own files); every name, value and line is ours, most of them computed.
"""

import json


class Input:
    """columns: as in CREATE TABLE; options: of COPY by name; also: ALTER TABLE %s ... on both tables;
    insert: the table's rows go into a heap, which has constraints; since: the server version whose COPY knows all this"""

    def __init__(self, what, data, columns, options, also=None, insert=False, since=0):
        self.what = what
        self.data = data if isinstance(data, bytes) else data.encode()
        self.columns, self.options, self.also, self.insert, self.since = columns, options, also, insert, since


def csv(what, data, columns, also=None, insert=False, since=0, **options):
    return Input(f"csv: {what}", data, columns, [("format", "csv"), *options.items()], also, insert, since)


def text(what, data, columns, also=None, insert=False, since=0, **options):
    return Input(f"text: {what}", data, columns, [("format", "text"), *options.items()], also, insert, since)


def both(what, data, columns, **options):
    yield csv(what, data, columns, **options)
    yield text(what, data, columns, **options)


def lines(rows, between="\t"):
    return "".join(between.join(map(str, row)) + "\n" for row in rows)


def letters(number):
    """six capitals, as the wide tables of the regression tests have them"""
    out = ""
    for _ in range(6):
        out, number = out + chr(65 + number % 26), number // 26
    return out


# ------------------------------------------------------------------ data files


def wide(count):
    for i in range(count):
        u = i * 7919 % count
        yield (u, i, u % 2, u % 4, u % 10, u % 20, u % 100, u % 1000, u % 2000, u % 5000, u, u * 2 % 200, u * 2 % 200 + 1, letters(u), letters(i), "HAOV"[i % 4] * 4 + "yy")


WIDE = ", ".join(f"n{i} int4" for i in range(13)) + ", s1 name, s2 name, s3 name"
MEASURES = "a int2, b float4"
MEASURE_OPTIONS = {"header": "true", "delimiter": ";", "quote": "@", "escape": '"', "null": ""}
PERSON = "name text, age int4, location point"
WORDS = "word1 text, word2 text, word3 text, word4 text"


def relation_data():
    yield text("a thousand wide rows", lines(wide(1000)), WIDE)
    yield text("ten thousand wide rows", lines(wide(10000)), WIDE)
    yield text("wide rows, a column too few", lines(wide(20)), WIDE.rsplit(",", 1)[0])
    yield text("wide rows, a column too many", lines(wide(20)), WIDE + ", s4 name")
    yield text("wide rows, a name for a number", lines(wide(20)), WIDE.replace("s1 name", "s1 int4"))
    people = [(f"p{i:02}", f"{i * 7 % 100:02}", f"({i % 13}.{i * 3:03},{'0' * (i % 3)}{i % 9}.{i % 7})") for i in range(50)]
    yield text("people", lines(people), PERSON)
    yield text("students", lines((name, int(age), place, f"{1 + i % 4}.{i * 11 % 100:02}000000000000020e+00") for i, (name, age, place) in enumerate(people[:9])), PERSON + ", gpa float8")
    yield text("employees", lines((name, age, place, 900 + i * 50, people[i - 1][0]) for i, (name, age, place) in enumerate(people[:6])), PERSON + ", salary int4, manager name")
    working = lines((name, age, place, 300 + i, "\\N" if i % 2 else "boss", f"{i}.39999999999999990e+00", "\\N") for i, (name, age, place) in enumerate(people[:7]))
    yield text("working students", working, PERSON + ", salary int4, manager name, gpa float8, percent int4")
    yield text("departments", "tools\tp01\ngames\tp17\n", "dname name, mgrname text")
    pairs = lines((5000 + i, (i % 250) ** 4 % 2147483647) for i in range(2000))
    yield text("numbers that repeat", pairs, "seqno int4, random int4")
    yield text("numbers that repeat as name and float", pairs, "seqno name, random float8")
    yield text("boxes", lines((f"({x * 37 % 50000},{x * 91 % 50000},{x * 37 % 50000 - x % 80},{x * 91 % 50000 - x % 55})",) for x in range(1, 300)), "home_base box")
    yield csv("boxes as four texts", "(1,2,3,4)\n(50,60,7,8)\n", "a text, b text, c text, d text")
    outline = lambda i: "(" + ",".join(f"({-120 - k * 0.25},{37 + i * 0.5 + k * 0.125})" for k in range(3 + i % 4)) + ")"
    cities = lines((i % 3, f"City {i // 2}", outline(i)) for i in range(12))
    yield text("cities", cities, "pop int4, cname text, outline path")
    yield text("cities as polygons", cities, "pop int4, cname text, outline polygon")
    yield text("cities whose outline is a box", cities, "pop int4, cname text, outline box")
    streets = lines((f"Lane {i % 17}".ljust(30) + "St  "[: i % 4], f"[{outline(i)[1:-1]}]") for i in range(200))
    yield text("streets", streets, "name text, thepath path")
    yield text("streets of fixed width", streets, "name char(34), thepath path")
    yield text("streets that are too long", streets, "name char(20), thepath path")
    arrays = lines((i, "{" + ",".join(str(i * k % 97) for k in range(i % 11)) + "}", "{" + ",".join(f"{'B' * (k + 1)}{i * 31 + k}" for k in range(i % 7)) + "}") for i in range(1, 101))
    arrays += '101\t{}\t{}\n102\t{NULL}\t{NULL}\n103\t\\N\t\\N\n104\t[2:3]={7,8}\t{"a,b","c\\\\\\\\d","e\\\\"f","NULL",""," x "}\n105\t{{1,2},{3,4}}\t{{"{}","}"},{x,NULL}}\n'
    yield text("arrays", arrays, "seqno int4, i int4[], t text[]")
    yield csv("arrays between tabs", arrays.replace('"', "!"), "seqno int4, i int4[], t text[]", delimiter="\t", null="\\N")
    for bad in ("{1", "1}", "{1,}", "{a}", "{{1},2}", "{{1,2},{3}}", "{1}x"):
        yield text(f"array {bad}", f"1\t{{1}}\t{{}}\n2\t{bad}\t{{}}\n", "seqno int4, i int4[], t text[]")
    documents = [{"row": i, "flag": i % 3 == 0, "word": letters(i)[:3], "list": [i, None, {"deep": [[], {}, "é☂", 'a"b\\c\n\t/']}]} for i in range(1, 60)]
    jsons = "".join(json.dumps(d, ensure_ascii=i % 2 == 0) .replace("\\", "\\\\") + "\n" for i, d in enumerate(documents)) + "{}\n[]\n1.50\n\\N\nnull\n"
    yield text("documents", jsons, "j jsonb")
    yield text("documents as json", jsons, "j json")
    yield csv("documents in odd quotes", jsons.replace("\\\\", "\\"), "j jsonb", delimiter="\t", quote="~", null="\\N")
    yield csv("documents for which csv has too few columns", jsons, "j text")
    for bad in ('{"a":}', "{", '"\\\\u0000"', "nul", '{"a":1,}'):
        yield text(f"document {bad}", f"{{}}\n{bad}\n", "j jsonb")
    yield text("rows that are all null", "\\N\t\\N\t\\N\n" * 4, "x int, y text, z int")
    yield text("a check that fails", "9\t!bad\t8\n4\tworse\t8\n", "x int, y text, z int, CHECK (x > 5)", insert=True)
    yield text("the long list of a number and a word", lines((i, f"item {i}") for i in range(3000)), "id int, data text")


# ------------------------------------------------------------------ file_fdw


def file_fdw_data():
    measures = "n;@m@\n17;@6.5@\n300;@12.125@\n0;@0.0625@\n-4;@1e3@\n"
    yield csv("measures", measures[6:], MEASURES, **{**MEASURE_OPTIONS, "header": "false"})
    yield csv("measures behind a header", measures, MEASURES, **MEASURE_OPTIONS)
    yield csv("measures whose header is a row", measures, MEASURES, **{**MEASURE_OPTIONS, "header": "false"})
    yield csv("measures, one of them a word", measures.replace("@12.125@", "@many@"), MEASURES, **MEASURE_OPTIONS)
    yield csv("measures, one beyond its type", measures.replace("300", "32768"), MEASURES, **MEASURE_OPTIONS)
    yield text("measures between tabs", "17\t6.5\n300\t12.125\n0\t0.0625\n-4\t1e3\n", MEASURES, delimiter="\t", null="\\N")
    yield text("measures between pipes", "17|6.5\n300|12.125\n", MEASURES, delimiter="|")
    words = 'Abc,def,100,""\nUvw,xyz,"",200\nNIL,NIL,NIL,NIL\nNIL,NIL,"NIL",NIL\nEfg,hij,"",""\n'
    yield text("words as text", words, WORDS, null="NIL")
    yield csv("words", words, WORDS, null="NIL")
    every = ("word1", "word2", "word3", "word4")
    for not_null in ((), ("word1",), ("word1", "word3"), every):
        for null in ((), ("word3",), ("word1", "word3"), every):
            forced = {name: value for name, value in (("force_not_null", not_null), ("force_null", null)) if value}
            yield csv(f"words, not null {not_null}, null {null}", words, WORDS, null="NIL", **forced)
            yield csv(f"words, not null {not_null}, null {null} and empty", words, WORDS, **forced)
    pairs = "7,red\n7,blue\n"
    yield csv("pairs whose first row matches as header", pairs, '"7" int, red text', delimiter=",", header="match", since=150000)
    yield csv("pairs whose first row does not match", pairs, "a int, red text", delimiter=",", header="match", since=150000)
    yield csv("pairs of another part", "8,green\n8,pink\n", "a int, b text", delimiter=",")
    yield csv("pairs, one of the wrong part", "8,green\n7,pink\n", "a int CHECK (a = 8), b text", insert=True)
    yield csv("pairs beside a generated column", pairs, "a int, b text, c text GENERATED ALWAYS AS ('made') STORED")
    yield csv("pairs around a generated column", pairs, "a int, c text GENERATED ALWAYS AS (b || a) STORED, b text")
    yield csv("pairs around a generated column, header", "a,b\n" + pairs, "a int, c text GENERATED ALWAYS AS (upper(b)) STORED, b text", header="match", since=150000)
    yield csv("a generated column whose expression fails", pairs + "0,x\n", "a int, c int GENERATED ALWAYS AS (1 / a) STORED, b text")
    yield csv("a value for a generated column", "7,red,made\n", "a int, b text, c text GENERATED ALWAYS AS ('made') STORED")
    defaults = "1,word,2031-05-06\n2,\\D,2031-05-07\n3,\\D,\\D\n"
    yield csv("default markers without the option", defaults, "id int, word text, at timestamp")
    yield csv("default markers without the option, all text", defaults, "id int, word text, at text")
    yield csv("two header lines, one skipped", "first of two\nsecond of two\n1,one\n2,two\n", "a int, b text", header="true")


# ------------------------------------------------------------------ copy.sql


def copy_sql():
    ends = "style text, sample text, n int"
    yield csv("line ends in fields", 'crlf,"uvw\r\nxyz",1\nlf,"uvw\nxyz",2\ncr,"uvw\rxyz",3\nback\\slash,"m\\r\\\r\\\n\\nn",4\n', ends)
    yield csv("line ends in fields, own escape", "crlf,'uvw\r\nxyz',1\nlf,'uvw\nxyz',2\ncr,'uvw\rxyz',3\nback\\slash,'m\\\\r\\\\\r\\\\\n\\\\nn',4\n", ends, quote="'", escape="\\")
    odd = 'k int, "with , comma" text, "with "" quote" int'
    yield csv("a header that is no row", "anything at all that could never be a row of this table\n1,a,1\n2,b,2\n", odd, header="true")
    yield csv("a header of odd names", 'k,"with , comma","with "" quote"\n1,a,1\n2,b,2\n', odd, header="match", since=150000)
    tab = 'k int, "a name with a tab:\t" text'
    yield text("a header that is no row", "anything at all that could never be a row of this table\n1\ta\n2\tb\n", tab, header="true")
    yield text("a header with a tab", "k\ta name with a tab:\\t\n1\ta\n2\tb\n", tab, header="match", since=150000)
    three = "a int, b int, c text"
    for what, data in {"fits": "a\tb\tc\n1\t2\tx\n", "in another order": "c\tb\ta\n1\t2\tx\n", "with a null": "a\tb\t\\N\n1\t2\tx\n", "is short": "a\tb\n1\t2\n",
                       "is long": "a\tb\tc\td\n1\t2\tx\ty\n", "of other names": "a\tb\td\n1\t2\tx\n", "in capitals": "A\tb\tc\n1\t2\tx\n", "quoted": '"a"\t"b"\t"c"\n1\t2\tx\n',
                       "with a blank": "a\t b\tc\n1\t2\tx\n", "of an empty line": "\n1\t2\tx\n", "alone": "a\tb\tc", "alone with its line end": "a\tb\tc\r\n",
                       "of a dropped column": "a\t........pg.dropped.2........\tc\n1\t2\tx\n", "that is a marker": "\\.\n", "behind a byte order mark": "\ufeffa\tb\tc\n1\t2\tx\n",
                       "with a bad row": "a\tb\tc\n1\tx\ty\n", "of an empty file": ""}.items():
        yield text(f"a header that must match {what}", data, three, header="match", since=150000)
        yield csv(f"a header that must match {what}", data, three, header="match", since=150000, delimiter="\t")
    dropped = "ALTER TABLE %s DROP COLUMN b"
    yield text("a header without the dropped column", "a\tc\n8\tx\n", three, also=dropped, header="match", since=150000)
    yield text("a header with the dropped column", "a\tc\tb\n1\tx\t2\n", three, also=dropped, header="match", since=150000)
    yield csv("rows without the dropped column", "1,x\n2,y\n", three, also=dropped)
    yield text("rows of two parts", lines((i, 1 + i % 2, "One" if i % 2 == 0 else "Two") for i in range(1000)), three)
    yield text("progress", "anna\t30\t(1,2)\t100\tbert\nbert\t40\t(3,4)\t200\t\\N\n", PERSON + ", salary int4, manager name")
    yield text("a default that is too long", "", "c1 varchar(5) DEFAULT 'more than five', c2 varchar(5)")
    yield text("a value that is too long", "short\tok\nlonger\tx\n", "c1 varchar(5), c2 varchar(5)")


# ------------------------------------------------------------------ copy2.sql


FIVE = "a int, b int, c text, d text, e text"


def copy2_sql():
    yield text("nulls and what looks like them", "77\t\\N\t\\\\N\t\\NN\t\\N\n78\t1\t2\t3\t4\n", FIVE)
    yield text("two columns", "1\tone\n2\ttwo\n", "b int, d text")
    yield text("an empty row", "\n", FIVE)
    yield text("an empty row of texts", "\n", "a text, b text")
    yield text("a column too few", "20\t23\t2\t3\n", FIVE)
    yield text("two columns too few, nulls", "21\t24\t\\N\t\\N\n", FIVE)
    yield text("two columns too many", "22\t25\t4\t5\t6\t7\t8\n", FIVE)
    yield csv("a column too few", "20,23,2,3\n", FIVE)
    yield csv("columns too many", "22,25,4,5,6,7,8\n", FIVE)
    yield csv("a comma too many", "22,25,4,5,6,\n", FIVE)
    yield csv("too many, and the first is bad", "x,25,4,5,6,7\n", FIVE)
    yield csv("too few, and the first is bad", "1,2,3,4,5\nx\n", FIVE)
    yield csv("too few, and the second is bad", "1,2,3,4,5\n1,y\n", FIVE)
    yield csv("too few, in the third row", "1,2,3,4,5\n2,3,4,5,6\n3,4\n", FIVE)
    yield text("null x between commas", "x,4,8,9\nx,\\x,\\\\x,\\\\\\x\nx,\\,,\\\\\\,,\\\\\n", "b int, c text, d text, e text", delimiter=",", null="x")
    yield text("empty nulls between semicolons", "30;;c;;\n", FIVE, delimiter=";", null="")
    colons = "40:\\X:C:\\X:\\X\n41:1:empty::\n42:2:null:\\X:\\X\n43:3:one:\\\\:\\\\\n44:4:two:\\\\X:\\\\X\n45:5:N:\\N:\\N\n46:6:three:\\\\N:\\\\N\n47:7:XX:\\XX:\\XX\n48:8:between:\\::\\:\n"
    yield text("null of a backslash", colons, FIVE, delimiter=":", null="\\X", encoding="sql_ascii")
    yield text("the same without it", colons, "a text, b text, c text, d text, e text", delimiter=":")
    two = "col1 text, col2 text"
    yield csv("quotes and commas", '"Miller, Ann",\\h\n"She said ""yes"".",\t\n"",\n', two)
    yield csv("quotes and pipes", "Miller, Ann|\\h\nShe said \"yes\".|\t\n''|\n", two, quote="'", delimiter="|")
    yield csv("quotes and backslashes", '"Miller, Ann","\\\\h"\n"She said \\"yes\\".","\t"\n"",\n', two, escape="\\", encoding="sql_ascii")
    yield csv("an empty line in a field", '1,"above\n\nbelow",2\n', "a int, b text, c int")
    yield csv("lines that look like the marker", 'p\\.\n\\.q\nr\\.s\n"\\."\n', "a text")
    yield csv("lines that look like the marker, and the marker", 'p\\.\n\\.q\nr\\.s\n"\\."\n\\.\nnever\n', "a text")
    yield text("a null that breaks the rules of escapes", "42\t\\\\0\n\\0\t\\0\n", "a int, b text", null="\\0")
    five = ("a", "b", "c", "d", "e")
    force = "a int, b text, c text, d text, e text"
    for number, (data, not_null, null) in enumerate([('1,,"",x,y', ("b",), ("c",)), ("2,'a',,\"\",z", ("c", "d"), ("c", "d")), ('4,,"",,""', five, five), ('5,,"",,', five, ()),
                                                      ('6,"b","",,""', (), five), (',"b","",,', ("a",), ()), ('"",b,c,d,e', (), ("a",)), ('"",b,c,d,e', (), ())]):
        forced = {name: value for name, value in (("force_not_null", not_null), ("force_null", null)) if value}
        yield csv(f"forced {number}", data + "\n", force, **forced)
    yield csv("forced to null what must not be", '3,,""\n', "a int, b text, c text NOT NULL", insert=True, force_not_null=("b",), force_null=("c",))
    yield csv("null where the table has none", "1,x\n2,\n", "a int NOT NULL, b text NOT NULL", insert=True)
    yield text("a check of the whole row", "1\n\\N\n0\n", "f1 int CHECK (f1 > 0)", insert=True)
    yield text("rows for a policy", "1\t4\t1\n2\t3\t2\n3\t2\t3\n4\t1\t4\n", "a int, b int, c int")
    errors = "n int, m int[], k int"
    for number, line in enumerate(("a\t{2}\t2", "3\t{3}\t4444444444", "4\t{a, 4}\t4", "", "6\ta", "7\t{7}\ta", "8\t{8}\t8\t9", "9\t{9}", "x\t{9}", "\\N\t\\N\t\\N")):
        yield text(f"an error to ignore {number}", f"1\t{{1}}\t1\n{line}\n5\t{{5}}\t5\n", errors)
        yield csv(f"an error to ignore {number}", f"1\t{{1}}\t1\n{line}\n5\t{{5}}\t5\n", errors, delimiter="\t", null="\\N")
    domain = "n int, m int[], k int, l short_word"
    yield text("a domain", "1\t{1}\t1\t'abc'\n", domain)
    yield text("a domain that is not null", "1\t{1}\t1\t'abc'\n2\t{2}\t2\t\\N\n", domain)
    yield text("a domain that is too long", "1\t{1}\t1\t'abc'\n2\t{2}\t2\t0123456789abcdefg\n", domain)
    yield csv("a domain with a check", "1\n2\n-3\n", "n positive")
    yield csv("a domain with a check and a null", "1\n\n", "n positive")
    yield text("default markers without the option", "1\tword\t2031-05-06\n2\t\\D\t2031-05-07\n", "id int, word text, at timestamp")
    yield text("default markers, escaped and quoted", '1\t\\D\n2\t\\\\D\n3\t"\\D"\n', "id int, word text")
    yield csv("default markers, doubled and quoted", '1,\\D\n2,\\\\D\n3,"\\D"\n', "id int, word text")
    yield text("rows of a view with a trigger", "first\nsecond\n", "str text")


# ------------------------------------------------------------------ markers, line ends, quotes, escapes


def marker_cases():
    for what, data in {
        "in the middle": "a\n\\.\nb\n", "at the end without a line end": "a\n\\.", "behind a field": "a\\.\nb\n", "and more": "a\n\\.x\nb\n", "LF among CRLF": "a\r\n\\.\nb\r\n",
        "CRLF among LF": "a\n\\.\r\nb\n", "CR among CR": "a\r\\.\rb\r", "LF among CR": "a\r\\.\nb\r", "CRLF among CRLF": "a\r\n\\.\r\nb\r\n", "CR among CRLF": "a\r\n\\.\rb\r\n",
        "CR CR among CRLF": "a\r\n\\.\r\rb\r\n", "CR at the end of CRLF": "a\r\n\\.\r", "first": "\\.\nb\n", "first with CRLF": "\\.\r\nb\n", "first with CR": "\\.\rb\r", "only": "\\.",
        "with two dots": "a\n\\..\n", "escaped": "a\\\\.\nb\n", "and a blank": "a\n\\. \nb\n", "behind a blank": "a\n \\.\nb\n", "in quotes": '"a\n\\.\nb"\n', "quoted": '"\\."\nb\n',
        "in the middle of a field": "a\\.b\nc\n", "behind a quote": '"a"\\.\nb\n', "and a NUL": "a\n\\.\0\n", "behind a NUL": "a\0\\.\nb\n", "of a backslash": "a\n\\\n", "of a backslash at the end": "a\\",
        "of a backslash and CRLF": "a\\\r\nb\r\n", "of a backslash and CR": "a\\\rb\n", "of a backslash and CR behind LF": "a\nb\\\r\nc\n", "twice": "a\n\\.\n\\.\n", "behind an empty line": "\n\\.\n"}.items():
        yield from both(f"marker {what}", data, "a text", delimiter="|")
        yield from both(f"marker {what}, two columns", data.replace("a", "a|1").replace("b", "b|2"), "a text, b text", delimiter="|")
    yield from both("marker as the header", "\\.\na\n", "a text", header="true")
    yield from both("marker at the end of the header", "a\\.\nb\nc\n", "a text", header="true")
    yield from both("marker behind the header", "a\n\\.\nb\n", "a text", header="true")
    yield text("marker in the second field", "a\tb\\.\nc\td\n", "a text, b text")
    yield csv("marker in the second field", "a,\\.\nc,d\n", "a text, b text")
    yield csv("marker where a backslash escapes", "a\n\\.\nb\n", "a text", escape="\\")
    yield csv("marker where a backslash quotes", "a\n\\.\nb\n", "a text", quote="\\", escape="\\")
    yield csv("marker where a backslash delimits", "a\\b\n\\.\nb\\c\n", "a text, b text", delimiter="\\")
    yield csv("marker where a backslash delimits one", "a\n\\.\nb\n", "a text", delimiter="\\")
    yield csv("marker and garbage", '1,a\n\\.\nx,y,z,"\n', "a int, b text")
    yield from both("marker and bytes that are no text", b"a\n\\.\n\xff\n", "a text")
    yield from both("marker and bytes that are no text of SJIS", b"a\n\\.\n\x83\n", "a text", encoding="SJIS")


def line_end_cases():
    for what, data in {
        "LF, CRLF": "a\nb\r\n", "CRLF, LF": "a\r\nb\n", "CR, LF": "a\rb\n", "LF, CR": "a\nb\rc\n", "CRLF, CR": "a\r\nb\rc\r\n", "CR, CRLF": "a\rb\r\nc\r", "LF, a CR at the end": "a\nb\r",
        "one CR": "a\r", "just CR": "\r", "just LF": "\n", "just CRLF": "\r\n", "two LF": "\n\n", "CR CRLF": "a\r\r\nb\r\r\n", "LF CR": "a\n\rb\n\r", "an empty line": "a\n\nb\n", "none at the end": "a\nb",
        "CRLF, none at the end": "a\r\nb", "CRLF, half of it at the end": "a\r\nb\r", "a quoted CR, LF": '"x\ry"\nb\n', "a quoted LF, CRLF": '"x\ny"\r\nb\r\n', "a quoted CRLF, LF": '"x\r\ny"\nb\n',
        "a quoted LF, CR": '"x\ny"\rb\r', "blanks": " a \n\tb\t\n", "VT and FF": "a\x0b\x0c\n", "nothing": ""}.items():
        yield from both(f"line ends: {what}", data, "a text", delimiter="|")
    for what, data in {"too few": "1|a\n2\n", "a bad number": "1|a\nx|b\n", "both, CRLF": "1|a\r\nx\r\n", "both, CR": "1|a\rx\r", "both at the end": "1|a\nx"}.items():
        yield from both(f"rows that are wrong: {what}", data, "a int, b text", delimiter="|")
    yield csv("an empty line among two columns", "a,b\n\nc,d\n", "a text, b text")
    yield from both("an empty line for a number", "1\n\n2\n", "a int")
    for data in ("\n\n", "\n\n\n", "\na\n", "", "a"):
        yield from both(f"no columns, {data!r}", data, "")


def quote_cases():
    for what, data in {
        "inside": 'a"b"c,d\n', "around commas inside": 'a"b,c"d,e\n', "doubled": '"a""b","""c"""\n', "ended early": '"a"b,c"d"\n', "behind a blank": ' "a,b",c\n', "before a blank": '"a" ,b\n',
        "four": '"""",""\n', "open to the end": 'a,b\n"c,d\ne,f\n', "open to the end with CRLF": 'a,b\r\n"c,d\r\ne,f\r\n', "open to the end without a line end": 'a,b\n"c,d\ne,f', "open in the last field": 'a,"b',
        "open behind an escape": 'a,"b""\n', "opened twice": 'a,"b"c"d,e"\n', "over three lines": 'ab"cd,e\nef"gh,i\n', "over a line": 'x,a"b\nc"d\n', "single": "'a,b',c\n", "at the end": 'a,b"\nc",d\n',
        "of nothing": '"",""\n', "and null": ',""\n', "and tabs": "a\t,\tb\n", "and a backslash": '"a\\"",b\n', "three": '"""a,b""",c\n'}.items():
        yield csv(f"quotes {what}", data, "a text, b text")
    for what, data in {"a quote": '"a\\"b",c\n', "itself": '"a\\\\b",c\n', "other bytes": '"a\\b\\n",c\n', "nothing": '"a\\', "a line end": '"a\\\nb",c\n', "and a doubled quote": '"a""b",c\n', "outside of quotes": 'a\\"b,c\nd"e,f\n',
                       "itself at the end": '"a\\\\",b\n', "the closing quote": '"a\\",b\n', "a marker": '"\n\\.\n",b\n'}.items():
        yield csv(f"a backslash escapes {what}", data, "a text, b text", escape="\\")
    yield csv("pipes quote", "|a,b|,|c||d|\n", "a text, b text", quote="|")
    yield csv("tildes escape", '"a~"b",c\n"x~y",d\n"z~~",e\n', "a text, b text", escape="~")
    yield csv("a letter quotes", "xaax,xbxxbx\n", "a text, b text", quote="x")
    yield csv("blanks delimit", 'a b\n"c d" e\n', "a text, b text", delimiter=" ")
    yield csv("a comma escapes", '"a,"b",c\n', "a text, b text", delimiter=";", escape=",")
    yield text("a capital delimits", "1X2\n3X4\n", "a int, b int", delimiter="X")
    yield text("a quote delimits", 'a"b\n', "a text, b text", delimiter='"')
    yield text("a control byte delimits", "a\x01b\n", "a text, b text", delimiter="\x01")


def escape_cases():
    for what, data in {
        "of control bytes": "\\b\\f\\n\\r\\t\\v\\\\\\q\\\"\n", "octal": "\\101\\60\\1018\\18\\7\n", "octal beyond a byte": "\\501\n", "hex": "\\x41\\x4Ag\\x9\\xg\\x\n", "octal NUL": "a\\0b\n", "hex NUL": "a\\x00b\n",
        "of UTF-8": "\\xc3\\xa9\\303\\251\n", "of no UTF-8": "\\xff\n", "of half a character": "\\xc3\n", "of the other half": b"\xc3\\xa9\n", "and nulls": " \\N\n\\N\n\\n\nN\n\\Na\na\\N\n", "of a tab": "\\\t\n",
        "of the delimiter": "a\\|b\n", "of a character": "\\é\n", "null alone": "\\N"}.items():
        yield text(f"escapes {what}", data, "a text", delimiter="|")
    for null in ("", "NULL", "\\N", "x", "null value", "\\\\N", "é"):
        yield text(f"null {null!r}", '\\N\tNULL\t\tx\nnull value\t\\\\N\té\tX\n\\\\\\N\tNU\\LL\t"x"\t\\x78\n', "a text, b text, c text, d text", null=null)
        yield csv(f"null {null!r}", '\\N,NULL,,x\nnull value,\\\\N,é,X\n"\\N","NULL","","x"\n', "a text, b text, c text, d text", null=null)


def header_cases():
    for what, data in {"over two lines": '"a\nb",c\n1,2\n', "with CRLF": "a,b\r\n1,2\r\n", "with CR": "a,b\r1,2\r", "with CRLF, rows with LF": "a,b\r\n1,2\n", "of nothing": "", "alone": "a,b\n", "alone without a line end": "a,b",
                       "of an empty line": "\n1,2\n", "that is long": "a,b,c\n1,2\n", "that is short": "a\n1,2\n", "with a NUL": "a\0,b\n1,2\n", "that is no text": b"\xff,b\n1,2\n", "with a backslash": "a\\\nb,c\n1,2\n",
                       "with an open quote": '"a,b\n1,2\n', "with an open quote inside": 'a,b"\n1,2\n3,4'}.items():
        yield from both(f"header {what}", data, "a text, b text", header="true", delimiter=",")


# ------------------------------------------------------------------ encodings


def encoding_cases():
    for encoding in ("UTF8", "LATIN1", "EUC_JP", "SQL_ASCII", "SJIS", "GBK", "GB18030", "WIN1252"):
        yield from both(f"UTF-8 read as {encoding}", "\u3044\n", "t text", encoding=encoding)
    two = "a text, b text"
    for what, data, encoding in (
        ("Latin 1", b"na\xefve|\xff\n", "LATIN1"), ("Latin 1 as UTF-8", b"na\xefve|x\n", "UTF8"), ("backslashes in SJIS", b"\x95\x5c|\x83\x5c\n", "SJIS"), ("broken SJIS", b"\x95|\x83\n", "SJIS"),
        ("a pipe in SJIS", b"\x83\x7c|b\n", "SJIS"), ("backslashes in BIG5", b"\xa5\x5c|\xb3\x5c\n", "BIG5"), ("a pipe in BIG5", b"\xa5\x7c|b\n", "BIG5"), ("a pipe in GBK", b"\x81\x7c|b\n", "GBK"),
        ("four bytes of GB18030", b"\x81\x30\x81\x30|b\n", "GB18030"), ("EUC_JP", b"\xa4\xa2|\xa4\xa4\n", "EUC_JP"), ("half of EUC_JP", b"\xa4|b\n", "EUC_JP"), ("Cyrillic", b"\xcf\xf0|\xe8\n", "WIN1251"),
        ("a byte that WIN1252 has not", b"\x81|b\n", "WIN1252"), ("any byte", b"\xff|b\n", "SQL_ASCII"), ("any byte, escaped", b"\xff\\x41|b\\\xfe\n", "SQL_ASCII"), ("any byte, by number", b"\xfe\\377|b\n", "SQL_ASCII"),
        ("a NUL as SQL_ASCII", b"a\0b|c\n", "SQL_ASCII"), ("a NUL", b"a\0b|c\n", "UTF8"), ("a NUL in Latin 1", b"a\0b|c\n", "LATIN1"), ("an overlong character", b"\xc0\xaf|c\n", "UTF8"), ("a surrogate", b"\xed\xa0\x80|c\n", "UTF8"),
        ("beyond Unicode", b"\xf4\x90\x80\x80|c\n", "UTF8"), ("an emoji", "😀|é\n".encode(), "UTF8"), ("half a character at the end", b"a|b\xc3", "UTF8"), ("half a character before a pipe", b"a\xc3|b\n", "UTF8"),
        ("half a character before a line end", b"a|b\xe2\x82\n", "UTF8"), ("a byte order mark", "\ufeffa|b\n".encode(), "UTF8"), ("a bad third line", b"a|b\nc|d\ne|\xff\ng|h\n", "UTF8"), ("JOHAB", b"\x88\x61|b\n", "JOHAB"),
        ("UHC", b"\x81\x41|b\n", "UHC"), ("half of SJIS at the end", b"a|b\n\x83", "SJIS"), ("half of GBK at the end", b"a|b\nc|\x81", "GBK"), ("a bad third line of SJIS", b"a|b\nc|d\ne|\x83\n", "SJIS"),
        ("a short row before bad SJIS", b"a|b\nc\ne|\x83\n", "SJIS"), ("a wrong line end before bad UTF-8", b"a|b\nc\r|d\xff\n", "UTF8"), ("bad UTF-8 before a wrong line end", b"a|b\nc\xff|\rd\n", "UTF8")):
        yield from both(f"encoding: {what}", data, two, delimiter="|", encoding=encoding)
    yield from both("a bad number before bad EUC_JP", b"1\nx\n\xa4\n", "a int", encoding="EUC_JP")
    yield from both("a bad number before bad UTF-8", b"1\nx\n\xff\n", "a int")
    yield csv("any bytes, cut to three", b"\xe4\xf6,abc\n", "a varchar(3), b char(3)", encoding="SQL_ASCII")
    yield csv("any bytes, too many", b"\xe4\xf6x\xfcyz,abc\n", "a varchar(3), b char(3)", encoding="SQL_ASCII")
    yield csv("SJIS in quotes", b'"\x95\x5c","a"\n', two, encoding="SJIS", escape="\\")
    yield csv("SJIS that ends like an escape", b'"\x83\x5c"\n', "a text", encoding="SJIS", escape="\\")
    yield csv("a header in SJIS", b"\x95\x5c,b\n1,2\n", '"表" text, b text', encoding="SJIS", header="match", since=150000)
    yield text("a delimiter inside BIG5", b"\xa5\x7c,b\n", two, encoding="BIG5", delimiter=",")


# ------------------------------------------------------------------ what COPY reads in two pieces, types, places of errors


def buffer_cases():
    two = "a text, b text"
    for at in (65534, 65535, 65536, 65537):
        yield csv(f"CRLF at {at}", b"a" * (at - 3) + b',b\r\nc,"d\r\n"\r\n', two)
        yield csv(f"a character at {at}", b"a" * (at - 2) + "é,b\n".encode(), two)
        yield text(f"a marker at {at}", b"a" * (at - 2) + b"\n\\.\nb\n", "a text")
        yield csv(f"a marker at {at}", b"a" * (at - 2) + b"\n\\.\nb\n", "a text")
        yield csv(f"a quote at {at}", b'"' + b"a" * (at - 2) + b'""b",c\n', two)
        yield csv(f"SJIS at {at}", b"a" * (at - 2) + b"\x95\x5c,b\n", two, encoding="SJIS")
    yield csv("long rows", "".join(f'{i},"{"é" * i * 300}""\n{"x" * i}"\n' for i in range(60)), "a int, b text")


TYPES = {
    "bool": ("t f true off yes 1 TRUE", "2 tru3 o"), "int2": ("1 +7 -32768 007 -0", "32768 1.0 --1"), "int4": ("1 -2147483648 0000000000000000001", "2147483648 1e3 ١"),
    "int8": ("9223372036854775807 -9223372036854775808", "9223372036854775808 12a +"), "float4": ("1 1e5 NaN -inf .5 5. 1e-40", "1e40 1e-60 1.2.3"), "float8": ("0.1 1e308 4.9e-324 9007199254740993 +.5e+1", "1e309 1e 1;5"),
    "numeric": ("1e5 NaN -.5 5. 1E-10 00012.000", "1e x"), "numeric(5,2)": ("123.456 -999.99 NaN 0.005", "999.995"), "date": ("2031-05-06 20310506 infinity 2031-5-6 epoch J2451187", "2031-02-30 2031-13-01 31-x"),
    "timestamp": ("2031-05-06T12:34:56.123456789 -infinity 20310506T123456", "2031-05-06T25:00:00 2031-02-29T00:00:00"), "timestamptz": ("2031-05-06T12:34:56+02 2031-05-06T12:34:56Z", "2031-05-06T12:34:56+99"),
    "timestamp(0)": ("2031-05-06T12:34:56.5", ""), "time": ("12:34:56 24:00:00 123456", "25:00 12:61:00"), "interval": ("P1Y2M -1:02:03", "fort"), "uuid": ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "zzz"),
    "bytea": ("\\xDEADbeef \\x abc \\001a", "\\xabc \\9"), "varchar(3)": ("abc é", "abcd éééé"), "char(3)": ("a abc", "abcd"), "name": ("abc " + "n" * 80 + " " + "é" * 40, ""), "bit(3)": ("101 x5", "10 1012"),
    "inet": ("10.0.0.1/8 ::1", "10.0.0.256"), "json": ("{} [1,2] null", "{a:1}"), "jsonb": ("[1,2] 1.10", "{"), "mood": ("calm wild", "Wild"), "money": ("-5 $1", "abc"), "oid": ("1 4294967295 -1", "4294967296"),
    "regclass": ("pg_class 1259 -", "no_such_table"), "int4range": ("[1;5] empty", "[5;1]"), "text[]": ("{a;b} {}", "{a"), "pair": ("(1;abc)", "(1)"), "point": ("(1;2)", "(1;2"), "positive": ("1 5", "0 -1"), "tid": ("(1;2)", "1"),
}


def type_cases():
    for kind, (good, bad) in TYPES.items():
        values = [value.replace(";", ",") for value in good.split()]
        yield csv(f"type {kind}", "".join(f"{value}~x\n" for value in values), f"a {kind}, b text", delimiter="~", quote="^")
        for value in bad.split():
            yield csv(f"type {kind}, {value}", f"{values[0]}~x\n{value.replace(';', ',')}~x\n", f"a {kind}, b text", delimiter="~", quote="^", null="nil")
    yield csv("the place of an error", '1,2\n3,4\n"5\n",6\n7,x\n', "a text, b int")
    yield csv("the place of an error in a row of two lines", '1,2\n"3\n",x\n', "a text, b int")
    yield csv("the place of an error behind a header", "a,b\n1,2\n3,x\n", "a int, b int", header="true")
    yield text("the place of an error behind an escaped line end", "1\t2\n3\\\n4\t5\n6\tx\n", "a text, b int")
    yield csv("a long bad value", "x" * 300 + "\n", "a int")
    yield csv("two bad values", "x,y\n", "a int, b int")
    yield csv("a bad value and a missing one", "x\n", "a int, b int")
    yield csv("a bad value, one that is good and a missing one", "1,x,3\n", "a int, b int, c int, d int")
    yield csv("a bad value and one too many", "x,1,2\n", "a int, b int")


def inputs():
    for part in (relation_data, file_fdw_data, copy_sql, copy2_sql, marker_cases, line_end_cases, quote_cases, escape_cases, header_cases, encoding_cases, buffer_cases, type_cases):
        yield from part()


# ------------------------------------------------------------------ options that must be refused, or taken, by both


def option_lists():
    """lists of (name, value) of COPY and of our table"""
    for name in ("format", "delimiter", "null", "header", "quote", "escape", "encoding", "force_not_null", "force_null"):
        value = {"format": "csv", "header": "false", "force_not_null": ("a",), "force_null": ("b",), "encoding": "sql_ascii"}.get(name, ":")
        yield [(name, value), (name, value)]
    pairs = {
        "format": "xml text csv CSV Text", "text": "quote=: escape=: escape=- force_not_null=a force_null=a force_quote=a delimiter=a", "binary": "header=true quote=: escape=: delimiter=, null=x force_null=a force_not_null=a header=match",
        "csv": "delimiter=--- quote=--- escape=--- quote=é escape=é header=match header=-1 header=2.5 header=2 header=maybe header=yes header=on header=MATCH force_quote=a force_null=zz force_not_null=zz force_null=* force_not_null=* encoding=nope"
               " delimiter=\\ delimiter=. delimiter=a delimiter=\" escape=, null=, default=\\D on_error=ignore log_verbosity=verbose reject_limit=1"}
    for kind, words in pairs.items():
        for word in words.split():
            name, _, value = word.rpartition("=")
            value = value if value == "*" or not name.startswith("force") else (value,)
            yield [("format", value)] if kind == "format" else [("format", kind), (name, value)]
    for value in ("\\", ".", "1", "a", "Z", "_", "-", "A", "\n", "\r", "", "é"):
        yield [("format", "text"), ("delimiter", value)]
    for name in ("delimiter", "quote", "escape"):
        for value in ("", "\n", "\r"):
            yield [("format", "csv"), (name, value)]
    for kind, null in (("csv", "\n"), ("csv", "a\r"), ("text", "\n"), ("text", "a\tb"), ("csv", 'a"b'), ("text", "\\."), ("csv", "\\."), ("text", "x" * 101), ("text", "x" * 100)):
        yield [("format", kind), ("null", null)]
    yield [("format", "csv"), ("quote", "-"), ("null", "=-=")]
    yield [("format", "csv"), ("delimiter", "-"), ("null", "=-=")]
    yield [("format", "csv"), ("delimiter", "-"), ("quote", "-")]
    yield [("format", "csv"), ("delimiter", ";"), ("null", "a;b")]
    yield [("format", "csv"), ("delimiter", " "), ("null", " ")]
    yield [("format", "csv"), ("escape", "~"), ("null", "a~b")]
    yield [("format", "binary"), ("encoding", "LATIN1")]
    yield [("format", "text"), ("header", "1")]
    yield [("header", "maybe")]
    yield [("nonsense", "1")]
    yield [("xyz", "a")]
