#!/usr/bin/env python3
# ===- demo_table.py - the table of tools/demo.sh from attn-run's records ---===#
"""Reads the list of runs (input, failed, compile seconds, file of records), prints one line for
each distinct attention and the closing line. Exits 1 unless every attention was checked.

attn-run writes a record for each entry (prefill, decode, append); those of one attention share a
line, whose error is the worst of them."""
import csv
import json
import math
import os
import sys

COLUMNS = [
    "model", "layers", "Hq/Hk/Hv", "Dqk/Dv", "mask", "form", "KV B/token", "compile", "prefill",
    "decode", "error/allowed",
]
ROLES = ("prefill", "decode", "append")


def seconds(value):
    if not value:
        return "-"
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if value * scale >= 1 or unit == "us":
            return f"{value * scale:.3g} {unit}"


def ratio(record):
    """Error over allowed error; infinite when it was not measured or is not a number."""
    value = record.get("error_ratio")
    return value if isinstance(value, (int, float)) and math.isfinite(value) else math.inf


def role(record):
    return next((r for r in ROLES if record["name"].endswith("_" + r)), None)


def attention_name(record):
    return record["name"][: -len(role(record)) - 1] if role(record) else record["name"]


def layers_text(layers):
    """[0, 2, 4] as `0-4 by 2`; what has no regular step, as its number of layers."""
    if not layers:
        return "-"
    steps = {b - a for a, b in zip(layers, layers[1:])}
    if not steps:
        return str(layers[0])
    if len(steps) > 1:
        return f"{len(layers)} layers"
    step = steps.pop()
    return f"{layers[0]}-{layers[-1]}" + (f" by {step}" if step > 1 else "")


def shorten(text, width=30):
    return text if len(text) <= width else text[: width - 3] + "..."


def label(path, name):
    """The input's name, with the attention's own where the input has several."""
    stem = os.path.splitext(os.path.basename(path))[0]
    plain = "".join(c if c.isalnum() else "_" for c in stem)
    return stem if plain == name else f"{stem}:{name.removeprefix(plain + '_')}"


def table_row(path, name, records, compile_s):
    main = next((r for r in records if role(r) != "append"), records[0])
    by_role = {role(r): r.get("median_s") for r in records}
    forms = dict.fromkeys(r.get("form") or "-" for r in records if role(r) != "append")
    return [
        label(path, name), layers_text(main.get("layers")),
        "/".join(str(main.get(k, "?")) for k in ("query_heads", "key_heads", "value_heads")),
        f"{main.get('qk_size', '?')}/{main.get('v_size', '?')}", shorten(main.get("mask") or "none"),
        ", ".join(forms) or "-", str(main.get("kv_bytes_per_token", "?")), seconds(compile_s),
        seconds(by_role.get("prefill", by_role.get(None))), seconds(by_role.get("decode")),
        f"{max(map(ratio, records)):.3f}",
    ]


def read_attentions(path):
    """The records of one run, by attention, in their order."""
    attentions = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for record in json.load(file):
                attentions.setdefault(attention_name(record), []).append(record)
    return attentions


def rows_of_run(path, failed, compile_s, records_path):
    """(row, worst error ratio) of each attention; a failure without records has one such row."""
    attentions = read_attentions(records_path)
    for index, (name, records) in enumerate(attentions.items()):
        worst = max(map(ratio, records))
        yield table_row(path, name, records, float(compile_s) if index == 0 else None), worst
    if failed != "0" and all(max(map(ratio, r)) <= 1 for r in attentions.values()):
        yield [os.path.basename(path), "FAILED"] + ["-"] * (len(COLUMNS) - 2), math.inf


def print_table(rows):
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows)]
    for line in [COLUMNS, ["-" * width for width in widths]] + rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def main(list_path):
    with open(list_path, encoding="utf-8", newline="") as file:
        runs = list(csv.reader(file, delimiter="\t"))
    results = [result for run in runs for result in rows_of_run(*run)]
    checked = sum(worst <= 1 for _, worst in results)
    print_table([row for row, _ in results])
    worst = max((worst for _, worst in results), default=math.inf)
    print(f"demo: {checked} of {len(results)} checked, worst error ratio {worst:.3f}")
    return 0 if results and checked == len(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
