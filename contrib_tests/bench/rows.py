"""What is measured: each row has our statement, the rivals' statements and the bars of the product's design.

Statements run in a fresh session each, in turn, with the same settings.  "all columns" is SELECT * with an OFFSET behind the
last row: the executor fetches every row with all its columns and nothing is sent to the client.
"""

SERIAL = "SET max_parallel_workers_per_gather = 0"
PARALLEL = "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0"
COUNT_COLUMNS = "SELECT count(l_orderkey), count(l_extendedprice), count(l_shipdate), count(l_comment) FROM %s"


class Rival:
    """name: as in the table; bar: how many times as fast we must be at least, None = only reported."""

    def __init__(self, name, sql, bar=None, before=""):
        self.name, self.sql, self.bar, self.before = name, sql, bar, before


class Row:
    """One measurement.  before: not timed, in a session of its own; place: what is removed from the store afterwards."""

    def __init__(self, name, sql, rivals, place=None, before="", settings=SERIAL, memory=True):
        self.name, self.sql, self.rivals, self.place = name, sql, rivals, place
        self.before, self.settings, self.memory = before, settings, memory


def exports():
    def row(codec, rivals, name=None):
        return Row(name or "export csv, " + codec, "INSERT INTO out_%s SELECT * FROM lineitem" % codec, rivals, place="out/")

    def program(command, bar):
        return Rival("COPY TO PROGRAM '%s'" % command, "COPY lineitem TO PROGRAM '%s >/dev/null' (FORMAT csv)" % command, bar)

    return [
        row("none", [Rival("COPY TO '/dev/null'", "COPY lineitem TO '/dev/null' (FORMAT csv)", 2.5)]),
        row("gzip", [program("gzip -1", 3.5), program("pigz -1", 3.5)]),
        row("zstd", [program("zstd -1 -T2", 2.5)]),
        row("lz4", [program("lz4 -1", None)]),
    ]


def scans():
    all_columns = "SELECT * FROM %s OFFSET 1000000000"

    def row(name, sql, bar):
        return Row(name, sql % "in_none", [Rival("file_fdw", sql % "file_none", bar)])

    return [
        row("scan, count(*)", "SELECT count(*) FROM %s", 10),
        row("scan, one column", "SELECT count(l_extendedprice) FROM %s", 3),
        row("scan, all columns", all_columns, 3),
        Row("scan gzip, all columns", all_columns % "in_gzip",
            [Rival("file_fdw, program 'gzip -dc'", all_columns % "file_gzip", 4)]),
        Row("scan gzip of one member, all columns", all_columns % "in_member",
            [Rival("file_fdw, program 'gzip -dc'", all_columns % "file_member")]),
        Row("scan zstd, all columns", all_columns % "in_zstd",
            [Rival("file_fdw, program 'zstd -dc'", all_columns % "file_zstd")]),
        Row("parallel scan, count(*)", "SELECT count(*) FROM in_none",
            [Rival("file_fdw", "SELECT count(*) FROM file_none")], settings=PARALLEL, memory=False),
        Row("parallel scan, four columns", COUNT_COLUMNS % "in_none",
            [Rival("file_fdw", COUNT_COLUMNS % "file_none")], settings=PARALLEL, memory=False),
    ]


def loads(local_file):
    before = "TRUNCATE heap; CHECKPOINT"
    return [Row("load into a heap", "INSERT INTO heap SELECT * FROM in_none",
                [Rival("COPY FROM '/local/file'", "COPY heap FROM '%s' (FORMAT csv)" % local_file, 2, before)],
                before=before)]


def rclone(config):
    """The same ways through rclone, which speaks S3 to the same store."""
    command = "env -u AWS_CA_BUNDLE rclone --config %s --s3-upload-concurrency 4 --s3-chunk-size 8M" % config
    return [
        Row("export csv, none, into the store", "INSERT INTO out_none SELECT * FROM lineitem",
            [Rival("COPY TO PROGRAM 'rclone rcat'",
                   "COPY lineitem TO PROGRAM '%s rcat store:test-bucket/out/rclone.csv' (FORMAT csv)" % command)], place="out/"),
        Row("scan from the store, all columns", "SELECT * FROM in_none OFFSET 1000000000",
            [Rival("file_fdw, program 'rclone cat'", "SELECT * FROM file_rclone OFFSET 1000000000")]),
    ]
