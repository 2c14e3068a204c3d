"""Sessions of psql that stay open, and what /proc tells about a process.

A measurement is a statement sent to a session: wall-clock time here, CPU seconds of the backend with its threads and
children, of the store, and the most private memory that the backend had meanwhile, all in one Sample.
"""

import os
import re
import subprocess
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """A statement that failed: its text and psql's message."""


def cpu_seconds(pid, children=False):
    """User and system seconds of a process with all its threads, and of children it has waited for."""
    with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15 if children else 13]) / TICKS


def memory(pid):
    """RssAnon and VmHWM of a process, and what it shares now, in bytes."""
    with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as file:
        text = file.read()
    kilobytes = {name: int(value) * 1024 for name, value in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.M)}
    return kilobytes["RssAnon"], kilobytes["VmHWM"], kilobytes["RssFile"] + kilobytes["RssShmem"]


class Watch:
    """The peak of a process' private memory while a with block runs: RssAnon, looked at often."""

    def __init__(self, pid, interval=0.01):
        self.pid, self.interval = pid, interval
        self.idle = self.peak = memory(pid)[0]
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self.ended.wait(self.interval):
            self.peak = max(self.peak, memory(self.pid)[0])

    def __enter__(self):
        # the kernel counts VmHWM anew from here
        with open("/proc/%d/clear_refs" % self.pid, "w", encoding="ascii") as file:
            file.write("5")
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        private, high, shared = memory(self.pid)
        # the high-water mark catches what fell between two looks; shared pages only ever become more
        self.peak = max(self.peak, private, high - shared)


class Session:
    """One psql; statements go in by a pipe, an \\echo tells their end."""

    def __init__(self, settings=""):
        self.number = 0
        self.psql = subprocess.Popen(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True, bufsize=1)
        # the library and the catalogs are loaded before anything is timed
        self.pid = int(self.run(settings + ";SELECT pg_backend_pid() FROM oss_fdw_version()"))

    def run(self, sql):
        """Runs SQL, returns what it printed."""
        self.number += 1
        mark = "-- end of %d --" % self.number
        lines = []
        try:
            self.psql.stdin.write("%s;\n\\echo '%s'\n" % (sql, mark))
            self.psql.stdin.flush()
        except BrokenPipeError:
            pass
        while True:
            line = self.psql.stdout.readline()
            if line.rstrip("\n") == mark:
                return "\n".join(lines)
            if line == "":
                raise Failure("%s\n%s" % (sql, "\n".join(lines)))
            lines.append(line.rstrip("\n"))

    def close(self):
        self.psql.stdin.close()
        self.psql.wait(60)
        self.psql.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def run(sql, settings=""):
    """One statement in a session of its own."""
    with Session(settings) as session:
        return session.run(sql)


def store_pid():
    """The local store: with_store.sh, our parent, started it before us."""
    parent = os.getppid()
    with open("/proc/%d/task/%d/children" % (parent, parent), encoding="ascii") as file:
        for child in file.read().split():
            with open("/proc/%s/cmdline" % child, "rb") as arguments:
                if b"oss_store.py" in arguments.read():
                    return int(child)
    raise SystemExit("bench.py is started by with_store.sh; no local store was found")


def measure(sql, settings, store):
    """Runs one statement in a fresh session and returns its Sample as a dict."""
    with Session(settings) as session:
        with Watch(session.pid) as watch:
            cpu, store_cpu, begun = cpu_seconds(session.pid, True), cpu_seconds(store), time.perf_counter()
            session.run(sql)
            seconds = time.perf_counter() - begun
            cpu, store_cpu = cpu_seconds(session.pid, True) - cpu, cpu_seconds(store) - store_cpu
        return {"seconds": seconds, "cpu": cpu, "store_cpu": store_cpu, "memory": watch.peak - watch.idle}
