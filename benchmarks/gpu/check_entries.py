#!/usr/bin/env python3
"""Checks bundles of whole entries on a GPU with attn-run, several at once; prints what is wrong and how many entries are right.

    benchmarks/gpu/check_entries.py FOLDER [--attn-run PROGRAM] [flags of attn-run: --q-len=..., --kv-len=..., --batch=...]"""
import argparse
import concurrent.futures
import pathlib
import subprocess


def check(program, bundle, flags):
    run = subprocess.run([program, str(bundle), "--check", *flags], capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines() + run.stderr.splitlines()
    return bundle.name, sum(line.endswith(" ok") for line in lines), [line for line in lines if "WRONG" in line or "error:" in line]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--attn-run", default="attn-run")
    parser.add_argument("--at-once", type=int, default=8)
    options, flags = parser.parse_known_args()
    bundles = sorted(path.parent for path in options.folder.glob("*/manifest.json"))
    right = wrong = 0
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        for name, good, bad in pool.map(lambda bundle: check(options.attn_run, bundle, flags), bundles):
            right, wrong = right + good, wrong + bool(bad)
            for line in bad:
                print(f"{name}: {line}")
    print(f"{right} entries right in {len(bundles)} bundles, {wrong} bundles wrong")


if __name__ == "__main__":
    main()
