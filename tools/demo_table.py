#!/usr/bin/env python3
# ===- demo_table.py - the table of tools/demo.sh from attn-run's records ---===#
"""Reads the list of runs (input, failed, compile seconds, result prefix) and each run's JSON
records, prints one line for each kernel and the closing line. Exits 1 unless all were checked."""
import csv
import glob
import json
import math
import os
import sys

COLUMNS = [
    "model", "layers", "Hq/Hk/Hv", "Dqk/Dv", "mask", "form", "KV B/token", "compile", "run",
    "error/allowed",
]


def seconds(value):
    if value is None or not math.isfinite(value):
        return "-"
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if value * scale >= 1 or unit == "us":
            return f"{value * scale:.3g} {unit}"


def ratio(record):
    """max_error over allowed_error; infinite when the record lacks either or is not a number."""
    value = record.get("error_ratio")
    if value is None and record.get("allowed_error"):
        value = record.get("max_error", math.inf) / record["allowed_error"]
    return value if isinstance(value, (int, float)) and math.isfinite(value) else math.inf


def layers_text(layers):
    if not isinstance(layers, list):
        return "-" if layers is None else str(layers)
    if not layers:
        return "-"
    ordered = sorted(layers)
    steps = {b - a for a, b in zip(ordered, ordered[1:])}
    if len(ordered) == 1:
        return str(ordered[0])
    if len(steps) == 1:
        step = steps.pop()
        return f"{ordered[0]}-{ordered[-1]}" + (f" by {step}" if step > 1 else "")
    return f"{len(ordered)} layers"


def shorten(text, width):
    text = str(text)
    return text if len(text) <= width else text[: width - 1] + "…"


def row(label, record, compile_s):
    heads = "/".join(str(record.get(key, "?")) for key in ("query_heads", "key_heads", "value_heads"))
    sizes = "/".join(str(record.get(key, "?")) for key in ("qk_size", "v_size"))
    return [
        label, layers_text(record.get("layers")), heads, sizes, shorten(record.get("mask", "?"), 34),
        record.get("form") or "-", str(record.get("kv_bytes_per_token", "?")),
        seconds(record.get("compile_s", compile_s)), seconds(record.get("median_s")),
        f"{ratio(record):.3f}",
    ]


def read_records(prefix):
    records = []
    for path in sorted(glob.glob(glob.escape(prefix) + ".*.json")):
        with open(path, encoding="utf-8") as file:
            records += json.load(file)
    return records


def print_table(rows):
    widths = [max(len(str(cell)) for cell in column) for column in zip(COLUMNS, *rows)]
    for line in [COLUMNS, ["-" * width for width in widths]] + rows:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(line, widths)).rstrip())


def main(list_path):
    rows, total, checked, worst = [], 0, 0, 0.0
    with open(list_path, encoding="utf-8", newline="") as file:
        runs = list(csv.reader(file, delimiter="\t"))
    for path, failed, compile_s, prefix in runs:
        label = os.path.splitext(os.path.basename(path))[0]
        records = read_records(prefix)
        if failed != "0" and all(ratio(record) <= 1 for record in records):
            rows.append([label, "FAILED"] + ["-"] * (len(COLUMNS) - 2))
            total += 1
        for record in records:
            rows.append(row(label, record, float(compile_s) / len(records)))
            total += 1
            checked += ratio(record) <= 1
            worst = max(worst, ratio(record))
    print_table(rows)
    print(f"demo: {checked} of {total} checked, worst error ratio {worst:.3f}")
    return 0 if total and checked == total else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
