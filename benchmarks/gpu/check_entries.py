#!/usr/bin/env python3
"""Checks bundles of whole entries on a GPU with attn-run, several at once; prints what is wrong and how many entries are right.

    benchmarks/gpu/check_entries.py FOLDER [--attn-run PROGRAM] [--only=REGEX] [flags of attn-run: --q-len=..., --kv-len=..., --batch=...]

Layers have many weights, which the host draws and multiplies as well: `--q-len=5 --kv-len=9` is quick. Exit code 1 when something is wrong."""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys


def check(program, bundle, flags):
    run = subprocess.run([program, str(bundle), "--check", *flags], capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines() + run.stderr.splitlines()
    bad = [line for line in lines if "WRONG" in line or "error:" in line]
    if run.returncode and not bad:
        bad = [f"exit code {run.returncode}"]
    return bundle.name, sum(line.endswith(" ok") for line in lines), bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--attn-run", default="attn-run")
    parser.add_argument("--only", default="")
    parser.add_argument("--at-once", type=int, default=8)
    options, flags = parser.parse_known_args()
    bundles = sorted(path.parent for path in options.folder.glob("*/manifest.json") if re.search(options.only, path.parent.name))
    right = wrong = 0
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        for name, good, bad in pool.map(lambda bundle: check(options.attn_run, bundle, flags), bundles):
            right, wrong = right + good, wrong + bool(bad)
            for line in bad:
                print(f"{name}: {line}")
    print(f"{right} entries right in {len(bundles)} bundles, {wrong} bundles wrong")
    sys.exit(wrong > 0 or not bundles)


if __name__ == "__main__":
    main()
