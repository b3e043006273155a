#!/usr/bin/env python3
"""How long attn-compile takes from a spec to an object and to a bundle, per entry and in all.

  benchmarks/compile_time.py --bin BIN_DIR [INPUT...] [--target cpu:...|sm_90a] [--repeat 5] [--bar SECONDS] [--json FILE] [--iree PYTHON]

Processor seconds of the compiler and the programs it starts (user and system), which other work on the machine
disturbs least; wall time beside them. Best and median of several. Also counts what decides the time:
LLVM instructions before code generation and machine instructions. For a GPU the object is a cubin, and the machine
instructions are PTX. With --bar, ends with 1 when an object took longer by the clock (median). With --iree, a Python that has IREE's compiler
beside it, one attention of fixed sizes (f32, no mask) is compiled by IREE for the same processor.
"""
import argparse, json, os, pathlib, re, resource, statistics, subprocess, sys, tempfile, time

import peers

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEFAULT = ["examples/mechanisms/gqa.mlir", "examples/models/llama-3-8b.json", "examples/models/gemma-3-4b.json",
           "examples/models/deepseek-v2-lite.json", "examples/mechanisms/cca.mlir"]


def spent():
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return use.ru_utime + use.ru_stime


def once(command):
    before, start = spent(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return spent() - before, time.perf_counter() - start


def timed(command, repeat):
    runs = [once(command) for _ in range(repeat)]
    cpu, wall = zip(*runs)
    return {"cpu_best": min(cpu), "cpu_median": statistics.median(cpu), "wall_best": min(wall), "wall_median": statistics.median(wall)}


def count_ir(text):
    """Instructions in functions of LLVM IR."""
    inside, count = False, 0
    for line in text.splitlines():
        inside = line.startswith("define") or (inside and not line.startswith("}"))
        count += inside and line.startswith("  ")
    return count


def count_asm(text):
    return sum(bool(re.match(r"\t[a-z@]", line)) for line in text.splitlines())


def entries_of(compiler, file):
    text = subprocess.run([compiler, file, "--emit=attn"], check=True, capture_output=True, text=True).stdout
    return re.findall(r"func\.func @([\w.]+)\(", text)


def measure(compiler, file, args):
    with tempfile.TemporaryDirectory() as folder:
        is_gpu = args.target.startswith("sm_")
        # Tensor cores take no float32; models say their type themselves.
        target = [f"--target={args.target}"] + ["--dtype=bf16"] * (is_gpu and str(file).endswith(".mlir"))
        code = "cubin" if is_gpu else "obj"
        def emit(kind, *more):
            out = f"{folder}/{kind}"
            return [compiler, file, f"--emit={kind}", "-o", out, *target, *more]
        record = {"input": str(file), "bundle": timed(emit("bundle"), args.repeat), "object": timed(emit(code), args.repeat),
                  "entries": {}}
        for entry in entries_of(compiler, file):
            record["entries"][entry] = timed(emit(code, f"--entry={entry}"), args.repeat)
        for name, kind, count in (("llvm", "llvm", count_ir), ("asm", "ptx" if is_gpu else "asm", count_asm)):
            subprocess.run(emit(kind), check=True)
            record[f"{name}_instructions"] = count(pathlib.Path(f"{folder}/{kind}").read_text())
        return record


def measure_iree(python, repeat):
    """IREE's compiler as a program on one attention of fixed sizes."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "attention.mlir")
        source.write_text(peers.IREE.format(h=32, q=2048, k=2048, d=128, scale=128 ** -0.5))
        command = [str(pathlib.Path(python).parent / "iree-compile"), str(source), "--iree-hal-target-backends=llvm-cpu",
                   "--iree-llvmcpu-target-cpu=host", "-o", f"{folder}/attention.vmfb"]
        return timed(command, repeat)


def line(name, t):
    return f"{name:44} {t['cpu_best']:7.2f} {t['cpu_median']:8.2f} {t['wall_best']:8.2f} {t['wall_median']:8.2f}"


def show(record):
    print(line(f"{pathlib.Path(record['input']).name}, bundle", record["bundle"]))
    print(line("  object", record["object"]) +
          f"   {record['llvm_instructions']} LLVM, {record['asm_instructions']} machine instructions")
    for entry, t in record["entries"].items():
        print(line(f"    {entry}", t), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="*", help="default: " + " ".join(DEFAULT))
    parser.add_argument("--bin", required=True, metavar="BIN_DIR")
    parser.add_argument("--target", default="cpu")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--bar", type=float, default=0, help="seconds by the clock that each object may take")
    parser.add_argument("--json")
    parser.add_argument("--iree", metavar="PYTHON", help="also time IREE's compiler, installed beside this Python")
    args = parser.parse_args()
    compiler, records = os.path.join(args.bin, "attn-compile"), []
    print(f"{'seconds':44} {'cpu best':>7} {'median':>7} {'wall best':>9} {'median':>7}")
    for file in args.inputs or [str(ROOT / name) for name in DEFAULT]:
        records.append(measure(compiler, file, args))
        show(records[-1])
    if args.iree:
        peer = measure_iree(args.iree, min(3, args.repeat))
        records.append({"input": "IREE, one attention, fixed sizes", "bundle": peer})
        print(line("IREE, one attention, fixed sizes", peer))
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(records, indent=1))
    slow = [r for r in records if args.bar and r.get("object", {}).get("wall_median", 0) > args.bar]
    for record in slow:
        print(f"above {args.bar} s: {record['input']} {record['object']['wall_median']:.2f}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
