#!/usr/bin/env python3
"""Prefill schedules in turns, a key head at a time, on several cores in turn: for shared hosts, whose other guests slow a core down for some
milliseconds or seconds. A window of one head is as short as one of the peak loop beside it.

  benchmarks/heads.py --compile BIN_DIR --out DIR [--target cpu:...]      compiles every case, and for one key head and its queries
  benchmarks/heads.py --bundles DIR --cores 8 9 10 [--seconds 20]         times them; needs numpy, and libceilings.so in DIR as cpu.py does

Cases of one --kind (a name's first two words) must differ in their schedule only; the first is what the others are compared with. Printed for each:
the rate of the whole case from the best time of each head, and its share of the best peak of numbers and of zeros; the median while the peak was
within 5 % of its best; the median ratio to the first case on the same core and head.
"""
import argparse, ctypes, json, os, pathlib, statistics, time

import cpu


def one_head(case):
    return dict(case, name=case["name"] + "_head", heads=case["heads"] // case["kv_heads"], kv_heads=1)


class Schedule:
    """A kernel for one key head on slices of the whole case's tensors."""

    def __init__(self, case, folder, whole):
        self.name = case["name"]
        self.kernel = cpu.load_kernel(f"{self.name}_head", folder)
        heads, group = whole.case["kv_heads"], whole.case["heads"] // whole.case["kv_heads"]
        rows = [slice(g * group, (g + 1) * group) for g in range(heads)]
        self.args = [(cpu.Tensor * 4)(*(whole.describe(x) for x in (whole.q[:, r], whole.k[:, g:g + 1], whole.v[:, g:g + 1], whole.out[:, r])))
                     for g, r in enumerate(rows)]
        whole.out[:] = 0x7FC0
        for head in range(heads):
            self.run(head)
        self.error = whole.error(24)

    def run(self, head):
        start = time.perf_counter()
        if self.kernel(ctypes.addressof(self.args[head]), 4, 1) != 0:
            raise SystemExit(f"{self.name}: the kernel failed")
        return time.perf_counter() - start


def measure(schedules, heads, cores, seconds, peak):
    """Samples: core, head, peak of numbers, seconds of each schedule; and peaks of zeros."""
    samples, zeros, end, turn = [], [], time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        for core in cores:
            os.sched_setaffinity(0, {core})
            if turn % 4 == 0:
                zeros.append(peak.zero_tile_rate(1))
            top = peak.tile_rate(1)
            samples.append((core, turn % heads, top, [s.run(turn % heads) for s in schedules]))
        turn += 1
    return samples, zeros


def report(schedules, samples, zeros, work):
    top, zero = max(s[2] for s in samples), max(zeros)
    alone = [s for s in samples if s[2] > 0.95 * top] or samples
    records = []
    for i, schedule in enumerate(schedules):
        best = {}
        for _, head, _, times in samples:
            best[head] = min(times[i], best.get(head, times[i]))
        records.append({"case": schedule.name, "error": schedule.error, "best": work * len(best) / sum(best.values()),
                        "alone": statistics.median(work / s[3][i] for s in alone),
                        "ratio": statistics.median(s[3][0] / s[3][i] for s in alone)})
        r = records[-1]
        print(f"{r['case']:28} error {r['error']:.1e}  best {r['best'] / 1e9:6.0f}  {100 * r['best'] / top:4.1f} % of numbers "
              f"{100 * r['best'] / zero:4.1f} % of zeros  alone {r['alone'] / 1e9:6.0f}  ratio {r['ratio']:.3f}", flush=True)
    return {"tile": top, "zero_tile": zero, "samples": len(samples), "alone": len(alone), "schedules": records}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=cpu.HERE / "cases" / "amx.json")
    parser.add_argument("--kind", nargs="*", default=["amx_d128", "amx_d64"])
    parser.add_argument("--compile", metavar="BIN_DIR")
    parser.add_argument("--out")
    parser.add_argument("--target", default="cpu:sapphirerapids")
    parser.add_argument("--bundles", type=pathlib.Path)
    parser.add_argument("--cores", type=int, nargs="+", default=[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json")
    args = parser.parse_args()
    cases = json.loads(pathlib.Path(args.cases).read_text())
    if args.compile:
        return cpu.compile_all(cases + [one_head(c) for c in cases], args)
    peak = ctypes.CDLL(str(args.bundles.resolve() / "libceilings.so"))
    peak.tile_rate.restype = peak.zero_tile_rate.restype = ctypes.c_double
    results = {}
    for kind in args.kind:
        same = [c for c in cases if "_".join(c["name"].split("_")[:2]) == kind]
        whole = cpu.Case(same[0], args.bundles.resolve())
        schedules = [Schedule(c, args.bundles.resolve(), whole) for c in same]
        samples, zeros = measure(schedules, same[0]["kv_heads"], args.cores, args.seconds, peak)
        results[kind] = report(schedules, samples, zeros, whole.work() / same[0]["kv_heads"])
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
