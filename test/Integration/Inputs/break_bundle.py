"""Takes out one instruction of a bundle's kernels at a time, and says which ones nobody misses: `break_bundle.py ATTN_RUN BUNDLE PATTERN OPTIONS...`.

PATTERN finds the instructions in the PTX that ptx-as packed; each run of OPTIONS ("SEED OPTION...") may find the kernel wrong.
"""
import os, re, shutil, subprocess, sys, tempfile

attn_run, bundle, pattern, *ways = sys.argv[1:]
library = next(f for f in os.listdir(bundle) if f.endswith(".so"))
whole = open(f"{bundle}/{library}", "rb").read()
text = whole[whole.index(b"/* machine code */"):]
begin, text = len(whole) - len(text), text[:text.index(b"\0")]


def is_missed(folder, found):
    blank = re.sub(rb"[^\n]", b" ", found.group())
    at = begin + found.start()
    open(f"{folder}/{library}", "wb").write(whole[:at] + blank + whole[at + len(blank):])
    for way in ways:
        seed, *options = way.split()
        if subprocess.run([attn_run, folder, *options], env=dict(os.environ, FAKE_CUDA_SEED=seed), capture_output=True).returncode: return True
    return False


missed = total = 0
with tempfile.TemporaryDirectory() as parent:
    folder = shutil.copytree(bundle, f"{parent}/broken")
    for found in re.finditer(rb"(?m)^[ \t]*(@!?%p\d+[ \t]+)?(" + pattern.encode() + rb")[^;\n]*;", text):
        total += 1
        if is_missed(folder, found): missed += 1
        else: print(f"line {text.count(10, 0, found.start(2)) + 1}: {found.group().decode().strip()}", flush=True)
print(f"{missed} of {total} missed")
