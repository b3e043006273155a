#!/usr/bin/env python3
"""Measures CPU kernels against the processor's ceilings and, with --peer, other programs, all in one run.

  benchmarks/cpu.py --compile BIN_DIR --out DIR [--target cpu:...]     compiles every case to a bundle under DIR
  benchmarks/cpu.py --bundles DIR [--threads 1 2] [--json FILE]        checks and times them; needs numpy
  benchmarks/cpu.py --bundles DIR --peer [torch openvino iree]         also other programs, see peers.py (default torch)

Cases are data: benchmarks/cases/cpu.json, groups.json for decode of other groups and head sizes, and lengths.json for benchmarks/plot.py. Ceilings come from ceilings.c (see there how it is built), found as
DIR/libceilings.so. A figure is the share of the ceiling measured before and after the case, for decode, which also has that of its arithmetic in bytes of K and V, the best of five such trials; prefill counts
2 * B * H * Sq * Sk * (Dqk + Dv) operations, halved for causal, decode the bytes of K and V read once. A case is a dictionary:
name, dtype, batch, heads, kv_heads, q, kv (lengths), size, causal; optional v_size, layout ("bshd": [batch][sequence][head][element]
in memory), latent (values are the first columns of the keys; counted in operations), schedule, poison, check_only.
"""
import argparse, ctypes, datetime, json, pathlib, platform, re, statistics, subprocess, sys, time

import peers

HERE = pathlib.Path(__file__).resolve().parent
MLIR = {"f32": "f32", "bf16": "bf16", "f16": "f16"}
CODES = {"f32": 0, "bf16": 1, "f16": 2}


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("rank", ctypes.c_int32), ("dtype", ctypes.c_int32),
                ("sizes", ctypes.c_int64 * 4), ("strides", ctypes.c_int64 * 4)]


def v_size(case):
    return case.get("v_size", case["size"])


def source(case):
    t, size = MLIR[case["dtype"]], case["size"]
    rows = 1 if case["q"] == 1 else "?"
    q, o = (f"tensor<?x{case['heads']}x{rows}x{n}x{t}>" for n in (size, v_size(case)))
    k, v = (f"tensor<?x{case['kv_heads']}x?x{n}x{t}>" for n in (size, v_size(case)))
    mask = "mask(<causal>) " if case["causal"] else ""
    if "window" in case:
        mask = f"mask(<causal and window<{case['window']}>>) "
    if "schedule" in case:
        mask += f"schedule<{case['schedule']}> "
    if "slope" in case:  # a score region that reads both positions
        mask += (f"score {{\n  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):\n    %n = arith.subi %j, %i : index\n"
                 f"    %w = arith.index_cast %n : index to i32\n    %f = arith.sitofp %w : i32 to f32\n    %c = arith.constant {case['slope']:e} : f32\n"
                 f"    %m = arith.mulf %f, %c : f32\n    %t = math.tanh %s : f32\n    %u = arith.addf %t, %m : f32\n    attn.yield %u : f32\n  }} ")
    latent = case.get("latent", False)  # values are the first columns of the keys
    columns = f"  %v = attn.columns %k from 0 : {k} -> {v}\n" if latent else ""
    return (f"func.func @{case['name']}(%q: {q}, %k: {k}{'' if latent else f', %v: {v}'}) -> {o} {{\n{columns}"
            f"  %o = attn.attention %q, %k, %v scale({size ** -0.5:.9g}) {mask}: {q}, {k}, {v} -> {o}\n"
            f"  return %o : {o}\n}}\n")


def compile_all(cases, args):
    for case in cases:
        folder = pathlib.Path(args.out)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{case['name']}.mlir"
        file.write_text(source(case))
        subprocess.run([f"{args.compile}/attn-compile", file, f"--target={args.target}", "-o", folder / case["name"]],
                       check=True, stdout=subprocess.DEVNULL)


def load_kernel(name, folder):
    """A case's function, whose arguments are tensors, their number and threads; gives 0 if all is well."""
    kernel = getattr(ctypes.CDLL(str(folder / name / f"lib{name}.so")), name)
    kernel.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32]
    return kernel


def aligned(np, x):
    """A copy that begins with a cache line, as tensors do; numpy's large arrays begin 16 bytes behind one."""
    line = 64
    memory = np.empty(x.nbytes + line, np.uint8)
    start = -memory.ctypes.data % line
    copy = memory[start:start + x.nbytes].view(x.dtype).reshape(x.shape)
    copy[...] = x
    return copy


class Case:
    """Random data of a case, its kernel, and the reference in double precision for some rows."""

    def __init__(self, case, folder):
        import numpy as np
        self.np, self.case, rng = np, case, np.random.default_rng(1)
        # Arrays are [batch][head][sequence][element] to numpy; in memory as the case's layout says.
        def data(heads, length, size, last=1):
            swap = case.get("layout") == "bshd"
            x = rng.standard_normal((case["batch"], length, heads, size) if swap else (case["batch"], heads, length, size), dtype=np.float32)
            ramp = np.linspace(0, last, length, dtype=np.float32) if last != 1 else np.ones(length, np.float32)
            x *= ramp[None, :, None, None] if swap else ramp[None, None, :, None]
            return aligned(np, self.encode(x)).transpose(0, 2, 1, 3) if swap else aligned(np, self.encode(x))
        self.q = data(case["heads"], case["q"], case["size"])
        self.k = data(case["kv_heads"], case["kv"], case["size"], case.get("ramp", 1))  # ramp: keys, and so the maxima, grow
        self.v = self.k[..., :v_size(case)] if case.get("latent") else data(case["kv_heads"], case["kv"], v_size(case))
        if "poison" in case:
            for x in (self.k, self.v):
                x[:, :, case["poison"]] = {"f32": np.nan, "bf16": 0x7FC0, "f16": np.nan}[case["dtype"]]
        self.out = aligned(np, self.encode(np.full(self.q.shape[:3] + (v_size(case),), np.nan, np.float32)))
        self.kernel = load_kernel(case["name"], folder)
        inputs = (self.q, self.k) if case.get("latent") else (self.q, self.k, self.v)
        self.count = len(inputs) + 1
        self.args = (Tensor * self.count)(*(self.describe(x) for x in inputs + (self.out,)))

    def encode(self, x):
        np = self.np
        if self.case["dtype"] == "bf16":
            bits = x.view(np.uint32)
            return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
        return x.astype({"f32": np.float32, "f16": np.float16}[self.case["dtype"]])

    def decode(self, x):
        np = self.np
        if self.case["dtype"] == "bf16":
            return (x.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        return x.astype(np.float64)

    def describe(self, x):
        strides = [s // x.itemsize for s in x.strides]
        return Tensor(x.ctypes.data, 4, CODES[self.case["dtype"]], (ctypes.c_int64 * 4)(*x.shape), (ctypes.c_int64 * 4)(*strides))

    def run(self, threads):
        code = self.kernel(ctypes.addressof(self.args), self.count, threads)
        if code != 0:
            sys.exit(f"{self.case['name']}: the kernel returned {code}")

    def error(self, rows=48):
        """Root mean square error over the root mean square of the reference; also whether NaN rows are where they must be."""
        np, case, rng = self.np, self.case, np_rng(self.np)
        squares = reference = 0.0
        for _ in range(rows):
            b, h, i = rng.integers(case["batch"]), rng.integers(case["heads"]), rng.integers(case["q"])
            g, position = h * case["kv_heads"] // case["heads"], case["kv"] - case["q"] + i
            seen = position + 1 if case["causal"] else case["kv"]
            low = max(0, seen - case["window"]) if "window" in case else 0
            k, v = self.decode(self.k[b, g, low:seen]), self.decode(self.v[b, g, low:seen])
            s = k @ self.decode(self.q[b, h, i]) * case["size"] ** -0.5
            if "slope" in case:
                s = np.tanh(s) + case["slope"] * (np.arange(low, seen) - position)
            p = np.exp(s - s.max())
            expected, found = p @ v / p.sum(), self.decode(self.out[b, h, i])
            if np.isnan(expected).any() or np.isnan(found).any():
                if not (np.isnan(expected) == np.isnan(found)).all():
                    return float("inf")
                continue
            squares += ((found - expected) ** 2).sum()
            reference += (expected ** 2).sum()
        return float((squares / reference) ** 0.5)

    def work(self):
        c = self.case
        if c["q"] == 1 and not c.get("latent"):
            return self.k.nbytes + self.v.nbytes
        return self.operations()

    def operations(self):
        c = self.case
        return 2 * c["batch"] * c["heads"] * c["q"] * c["kv"] * (c["size"] + v_size(c)) / (2 if c["causal"] and c["q"] > 1 else 1)


def np_rng(np):
    return np.random.default_rng(2)


def clock_for(threads):
    """One thread is timed by its own clock, as its ceilings are: other work on the machine counts less."""
    return time.thread_time if threads == 1 else time.perf_counter


def timed(function, threads, seconds=1.5, least=3, clock=None):
    clock = clock or clock_for(threads)
    function()
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or (time.perf_counter() < end and len(times) < 200):
        start = clock()
        function()
        times.append(clock() - start)
    return times


def growth(function):
    """Bytes of memory that a call needs beside what is there already: its peak, where Linux can reset that."""
    status = lambda name: 1024 * int(re.search(name + r":\s*(\d+)", pathlib.Path("/proc/self/status").read_text()).group(1))
    try:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
        before = status("VmRSS")
    except OSError:
        return function()
    function()
    return status("VmHWM") - before


def ceilings(library, case, threads):
    if case.case["q"] == 1 and not case.case.get("latent"):
        library.read_rate.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        operations = case.operations()
        top = max(library.fma_rate(threads), library.dot_rate(threads) if case.case["dtype"] == "bf16" else 0)
        return {"read": library.read_rate(case.k.ctypes.data, case.v.ctypes.data, min(case.k.nbytes, case.v.nbytes), threads),
                "arithmetic": top * case.work() / operations}
    names = ["fma", "fma256"] + (["dot", "tile", "zero_tile"] if case.case["dtype"] == "bf16" else [])
    return {name: getattr(library, f"{name}_rate")(threads) for name in names}


def count_trials(case):
    """Decode waits for memory, whose rate changes from second to second: each trial has its own ceiling."""
    return 5 if case["q"] == 1 else 1


def trial(case, threads, args, library, first):
    """Rates of some runs, and the best one's share of the ceilings before and behind them."""
    before, work = ceilings(library, case, threads), case.work()
    if first > 4 * args.seconds:  # the run that was checked is long enough
        times = [first]
    else:
        times = timed(lambda: case.run(threads), threads, args.seconds / count_trials(case.case))
    after = ceilings(library, case, threads)
    rates, top = [work / t for t in times], {name: max(before[name], after[name]) for name in before}
    return {"rates": rates, "ceilings": top, "share": {name: max(rates) / rate for name, rate in top.items() if rate}}


def measure(case_data, folder, threads, args, library):
    case, clock = Case(case_data, folder), clock_for(threads)
    first = clock()
    memory = growth(lambda: case.run(threads))
    first = clock() - first
    record = {"case": case_data["name"], "threads": threads, "error": case.error(),
              "length": case_data["kv"], "memory": memory}
    # Roundings of a float32 sum add up like its terms, whose mean shrinks: their ratio grows with the root of the length.
    allowed = {"f32": 3e-6 * max(1, case_data["kv"] / 8192) ** 0.5, "bf16": 8e-3, "f16": 2e-3}[case_data["dtype"]]
    record["ok"] = bool(record["error"] < allowed)
    if case_data.get("check_only"):
        if threads > 1:  # the same bits as with one thread
            many = case.out.copy()
            case.run(1)
            record["ok"] &= many.tobytes() == case.out.tobytes()
        return record
    trials = [trial(case, threads, args, library, first) for _ in range(count_trials(case_data))]
    rates = sorted(rate for found in trials for rate in found["rates"])
    top = max(trials, key=lambda found: sum(found["share"].values()))
    record.update(best=max(top["rates"]), median=statistics.median(rates), ceilings=top["ceilings"], share=top["share"])
    if len(trials) > 1:
        record["trials"] = [found["share"] for found in trials]
    for name in args.peer or []:
        found = peers.measure(name, case, threads, timed)
        record.setdefault("peers", {})[name] = found
        if "median" in found:
            found["speedup"] = record["median"] / found["median"]
    return record


def show(r):
    line = f"{r['case']:16} {r['threads']:3} thr  error {r['error']:.1e} {'ok ' if r['ok'] else 'WRONG'}"
    if "best" in r:
        shares = " ".join(f"{name} {100 * share:.0f}%" for name, share in r["share"].items())
        line += f"  {r['best'] / 1e9:8.1f} G/s (median {r['median'] / 1e9:8.1f})  {shares}"
    for name, found in r.get("peers", {}).items():
        note = f" ({found['note']})" if found.get("note") else ""
        line += f"  {name} {found['median'] / 1e9:.1f}, {found['speedup']:.2f} times{note}" if "median" in found else f"  {name}{note}"
    print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=HERE / "cases" / "cpu.json")
    parser.add_argument("--only", nargs="*", help="names of cases")
    parser.add_argument("--compile", metavar="BIN_DIR")
    parser.add_argument("--out")
    parser.add_argument("--target", default="cpu")
    parser.add_argument("--bundles")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--seconds", type=float, default=1.5, help="per case")
    parser.add_argument("--peer", nargs="*", choices=sorted(peers.ALL), help="programs to compare with")
    parser.add_argument("--json")
    parser.add_argument("--commit", default="")
    args = parser.parse_args()
    if args.peer == []:
        args.peer = ["torch"]
    cases = [c for c in json.loads(pathlib.Path(args.cases).read_text()) if not args.only or c["name"] in args.only]
    if args.compile:
        return compile_all(cases, args)
    folder = pathlib.Path(args.bundles)
    library = ctypes.CDLL(str(folder / "libceilings.so"))
    for name in ("fma", "fma256", "dot", "tile", "zero_tile", "read"):
        getattr(library, f"{name}_rate").restype = ctypes.c_double
    records = []
    for threads in args.threads:
        for case in cases:
            records.append(measure(case, folder, threads, args, library))
            show(records[-1])
    if args.json:
        machine = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
        pathlib.Path(args.json).write_text(json.dumps({"machine": machine, "date": datetime.date.today().isoformat(),
                                                       "commit": args.commit, "records": records}, indent=1))
    return 0 if all(r["ok"] for r in records) else 1


if __name__ == "__main__":
    sys.exit(main())
