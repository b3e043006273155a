"""Checks every bundle of a folder: `run_bundles.py ATTN_RUN FOLDER "SEED OPTION..."...`.

Each is run once per argument; SEED is the order in which the PTX machine lets blocks, warps and copies go on. Says what is wrong, then how many runs were right.
"""
import os, subprocess, sys

attn_run, folder, *ways = sys.argv[1:]
bundles = sorted(d for d in os.listdir(folder) if os.path.isdir(f"{folder}/{d}"))
right = 0
for bundle in bundles:
    for way in ways:
        seed, *options = way.split()
        done = subprocess.run([attn_run, f"{folder}/{bundle}", *options], env=dict(os.environ, FAKE_CUDA_SEED=seed), capture_output=True, text=True)
        right += done.returncode == 0
        if done.returncode: print(f"{bundle} [{way}]: {done.stderr.strip()[:600]} {done.stdout.strip()[:300]}", flush=True)
print(f"{right} of {len(bundles) * len(ways)} runs right, {len(bundles)} kernels")
sys.exit(right != len(bundles) * len(ways))
