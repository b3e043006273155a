#!/usr/bin/env python3
"""Bundles of whole entries: every model and mechanism in examples/, with layers where there are any.

    benchmarks/gpu/entry_bundles.py build/dev/bin/attn-compile OUT [REGEX]

On the GPU machine `check_entries.py OUT` runs them. Needs ptxas. What the target refuses is listed with its reason."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


def jobs():
    """(name, input, further flags): specs have layers, functions have not."""
    for path in sorted([*EXAMPLES.glob("models/*.json"), *EXAMPLES.glob("mechanisms/*.mlir")]):
        yield path.stem, path, []
        if "attn.spec" in path.read_text() or path.suffix == ".json":
            yield path.stem + "-layer", path, ["--entry=layer-prefill,layer-decode"]


def build(compiler, out, name, path, flags):
    run = subprocess.run([compiler, str(path), "--target=sm_90a", "--dtype=bf16", *flags, "-o", str(out / (name + ".bundle"))],
                         capture_output=True, text=True, check=False)
    reason = [line for line in (run.stdout + run.stderr).splitlines() if "error:" in line or "warning:" in line]
    return name, run.returncode, reason[0] if reason else ""


def main():
    compiler, out = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
    wanted = re.compile(sys.argv[3] if len(sys.argv) > 3 else "")
    out.mkdir(parents=True, exist_ok=True)
    chosen = [job for job in jobs() if wanted.search(job[0])]
    built = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, code, reason in pool.map(lambda job: build(compiler, out, *job), chosen):
            built += code == 0
            if reason:
                print(f"{name}: {reason}")
    print(f"{built} of {len(chosen)} bundles")


if __name__ == "__main__":
    main()
