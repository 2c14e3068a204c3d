"""The results as a table, as JSON and as a plot."""

import html
import json
import os

MEMORY_BAR = 128 * 1024 * 1024


def verdict(good, bar):
    if bar is None:
        return ""
    return "PASS" if good else "below the bar"


def lines_of(results):
    """Each line of the table: name, rival, ours, theirs, ratio, bar, verdict."""
    for row in results["table"]:
        for rival in row["rivals"]:
            yield (row["name"], rival["name"], row["seconds"], rival["seconds"], rival["ratio"], rival["bar"],
                   verdict(rival["bar"] is None or rival["ratio"] >= rival["bar"], rival["bar"]))


def table_text(results):
    text = ["%-38s %-32s %8s %8s %7s %6s  %s" % ("measurement", "against", "ours s", "theirs s", "ratio", "bar", "")]
    for name, rival, ours, theirs, ratio, bar, judged in lines_of(results):
        text.append("%-38s %-32s %8.3f %8.3f %6.2fx %6s  %s" % (
            name, rival, ours, theirs, ratio, "" if bar is None else "%gx" % bar, judged))
    return text


def memory_text(results):
    text = ["", "%-38s %12s %12s %12s %14s  %s" % ("measurement", "cpu s", "store cpu s", "wall s", "memory MB", "(bar: 128 MB)")]
    for row in results["table"]:
        size = row["memory"]
        text.append("%-38s %12.2f %12.2f %12.2f %14s  %s" % (
            row["name"], row["cpu"], row["store_cpu"], row["seconds"], "" if size is None else "%.1f" % (size / 2 ** 20),
            "" if size is None else verdict(size <= MEMORY_BAR, 128)))
    return text


def small_text(results):
    if "small" not in results:
        return []
    one = results["small"]["one_row"]
    text = ["", "one-row INSERT + COMMIT %.3f ms, one signed PUT by the core %.3f ms: %.2fx its time (bar: at most %gx)  %s" % (
        one["insert_ms"], one["put_ms"], one["ratio"], one["bar"], verdict(one["ratio"] <= one["bar"], one["bar"])),
            "%-20s %8s %10s %12s %10s" % ("pgbench", "clients", "tps", "median ms", "p95 ms")]
    for run in results["small"]["pgbench"]:
        text.append("%-20s %8d %10.1f %12.3f %10.3f" % (run["script"], run["clients"], run["tps"], run["median_ms"], run["p95_ms"]))
    return text


def growth_text(results):
    text = []
    for size in results.get("growth", []):
        if not text:
            text = ["", "%-12s %-14s %10s %10s %12s" % ("rows", "what", "seconds", "cpu s", "memory MB")]
        for what in ("export", "scan", "export_gzip", "scan_gzip"):
            one = size[what]
            text.append("%-12d %-14s %10.3f %10.2f %12.1f" % (
                size["rows"], what, one["seconds"], one["cpu"], one["memory"] / 2 ** 20))
    return text


def text(results):
    lines = table_text(results) + memory_text(results) + small_text(results) + growth_text(results)
    lines += [""] + ["left out: %s" % sentence for sentence in results["absent"]]
    return "\n".join(lines)


# ---------------------------------------------------------------- the plot

BAR_HEIGHT, WIDTH, LEFT, RIGHT, TOP = 22, 860, 400, 70, 58
COLOURS = {"PASS": "#2a7f62", "below the bar": "#c8553d", "": "#7d8ca3"}


def plot(results):
    """A horizontal bar for each comparison: how many times as fast; a tick where the bar is."""
    lines = list(lines_of(results))
    if "small" in results:
        one = results["small"]["one_row"]
        lines.append(("one-row INSERT + COMMIT", "one signed PUT", 0, 0, 1 / one["ratio"], 1 / one["bar"],
                      verdict(one["ratio"] <= one["bar"], one["bar"])))
    most = max([line[4] for line in lines] + [line[5] or 0 for line in lines] + [1]) * 1.05
    scale = (WIDTH - LEFT - RIGHT) / most
    height = TOP + BAR_HEIGHT * len(lines) + 40
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">' % (WIDTH, height),
           '<rect width="100%" height="100%" fill="#ffffff"/>',
           '<text x="16" y="22" font-size="15" fill="#222222">oss_fdw: times as fast as the rival</text>',
           '<text x="16" y="42" fill="#666666">%s</text>' % html.escape("%d rows, %.0f MB of csv, medians of %d; PostgreSQL %s, %s, %d cores" % (
               results["rows"], results["csv_bytes"] / 1e6, results["rounds"], results["machine"]["server"].split()[0],
               results["machine"]["cpu"], results["machine"]["cores"]))]
    for number, (name, rival, _, _, ratio, bar, judged) in enumerate(lines):
        y = TOP + BAR_HEIGHT * number
        out.append('<text x="%d" y="%d" text-anchor="end" fill="#222222">%s</text>' % (
            LEFT - 8, y + 15, html.escape("%s : %s" % (name, rival))))
        out.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (
            LEFT, y + 3, ratio * scale, BAR_HEIGHT - 6, COLOURS[judged]))
        out.append('<text x="%.1f" y="%d" fill="#222222">%.2f</text>' % (LEFT + max(ratio, bar or 0) * scale + 5, y + 15, ratio))
        if bar is not None:
            out.append('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#222222" stroke-width="2"/>' % (
                LEFT + bar * scale, LEFT + bar * scale, y + 1, y + BAR_HEIGHT - 1))
    y = TOP + BAR_HEIGHT * len(lines)
    out.append('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#999999" stroke-dasharray="3 3"/>' % (
        LEFT + scale, LEFT + scale, TOP, y))
    out.append('<text x="16" y="%d" fill="#666666">black tick: the floor that the design asks for; dashed: as fast as the rival; '
               'grey: no floor. A signed, checked store over HTTP on the same cores.</text>' % (y + 24))
    return "\n".join(out + ["</svg>", ""])


def write(results, folder):
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    with open(os.path.join(folder, "results.svg"), "w", encoding="utf-8") as file:
        file.write(plot(results))
