#!/usr/bin/env python3
"""Kernels and PyTorch in turns, in blocks of some calls each, for hosts whose speed changes from second to second: a ratio counts within a round.

  benchmarks/pairs.py --bundles DIR [DIR ...] --only bf16_d128 --threads 16 [--seconds 20]       several folders: the same cases by several compilers
  benchmarks/pairs.py --bundles DIR --only bf16_d128 --threads 1 --cores 8 9 10                  each round on the next of these cores

DIRs are made by cpu.py --compile; libceilings.so lies in the first. Needs numpy and torch. Printed for each case, of every folder and of PyTorch: best
call, median of the blocks, processors that worked, and ratios to PyTorch: the median of the rounds, their least and most; with one thread also the
median of the rounds whose peak (of the fastest unit) was within 5 % of its best, before and behind them: nobody else worked there.
"""
import argparse, ctypes, json, os, pathlib, statistics, sys, time

import cpu, peers

# An OpenMP runtime's threads go on asking for work for up to 200 ms: the other's calls start behind that.
REST = 0.22


def block(run, work, threads, seconds):
    """Rates of the calls within `seconds`, and how many processors worked."""
    if threads > 1:
        time.sleep(REST)
    run()
    rates, used, start = [], time.process_time(), time.perf_counter()
    while not rates or time.perf_counter() < start + seconds:
        before = time.perf_counter()
        run()
        rates.append(work / (time.perf_counter() - before))
    return rates, (time.process_time() - used) / (time.perf_counter() - start)


def blocks_of_torch(case, threads, seconds):
    found = []
    peers.torch(case, threads, lambda run, _: found.append(block(run, case.work(), threads, seconds)) or [1])
    return found[0]


def kernel_of(case, folder):
    """Another compiler's kernel of the same case, on the same memory."""
    kernel = cpu.load_kernel(case.case["name"], folder)

    def run(threads):
        if kernel(ctypes.addressof(case.args), case.count, threads) != 0:
            sys.exit(f"{case.case['name']}: the kernel of {folder} failed")
    return run


def peak_of(library, dtype):
    """The fastest unit of the core that takes the type."""
    rates = [library.fma_rate] if dtype != "bf16" else [library.fma_rate, library.dot_rate, library.tile_rate]
    return max(rates, key=lambda rate: rate(1))


def rounds(case, runs, threads, args, peak):
    """Each round: the peak before, blocks of every kernel and of PyTorch, the peak behind."""
    found, end = [], time.perf_counter() + args.seconds
    while not found or time.perf_counter() < end:
        if args.cores:
            os.sched_setaffinity(0, {args.cores[len(found) % len(args.cores)]})
        record = {"peak": [peak(threads)], "blocks": {}}
        for name, run in runs.items():
            record["blocks"][name] = block(lambda: run(threads), case.work(), threads, args.block)
        record["blocks"]["torch"] = blocks_of_torch(case, threads, args.block)
        record["peak"].append(peak(threads))
        found.append(record)
    return found


def report(found, names, threads):
    top = max(max(r["peak"]) for r in found)
    records = {"peak": top, "rounds": len(found)}
    middle = lambda r, name: statistics.median(r["blocks"][name][0])
    for name in names:
        ratios = [middle(r, name) / middle(r, "torch") for r in found]
        alone = [x for x, r in zip(ratios, found) if threads == 1 and min(r["peak"]) > 0.95 * top]
        records[name] = {"best": max(max(r["blocks"][name][0]) for r in found), "median": statistics.median(middle(r, name) for r in found),
                         "processors": statistics.median(r["blocks"][name][1] for r in found), "ratios": sorted(ratios), "alone": sorted(alone)}
        r = records[name]
        line = f"  {name:24} best {r['best'] / 1e9:7.0f} ({100 * r['best'] / top:3.0f} % of the peak)  median {r['median'] / 1e9:7.0f}  processors {r['processors']:5.2f}"
        line += f"  against torch {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(line + (f", alone {statistics.median(alone):.2f} of {len(alone)}" if alone else ""), flush=True)
    return records


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=cpu.HERE / "cases" / "cpu.json")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--bundles", nargs="+", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--cores", type=int, nargs="*", help="processors for one thread")
    parser.add_argument("--seconds", type=float, default=20, help="per case")
    parser.add_argument("--block", type=float, default=0.08, help="seconds of calls in a row")
    parser.add_argument("--json")
    args = parser.parse_args()
    folders = [folder.resolve() for folder in args.bundles]
    library = ctypes.CDLL(str(folders[0] / "libceilings.so"))
    for name in ("tile_rate", "dot_rate", "fma_rate"):
        getattr(library, name).restype = ctypes.c_double
    results = []
    for data in json.loads(pathlib.Path(args.cases).read_text()):
        if args.only and data["name"] not in args.only:
            continue
        case = cpu.Case(data, folders[0])
        peak = peak_of(library, data["dtype"])
        runs = {folder.name: kernel_of(case, folder) for folder in folders}
        for threads in args.threads:
            for name, run in runs.items():
                case.out[:] = 0
                run(threads)
                print(f"{data['name']} {threads} thr  {name}: error {case.error():.1e}", flush=True)
            found = rounds(case, runs, threads, args, peak)
            results.append({"case": data["name"], "threads": threads, **report(found, [*runs, "torch"], threads)})
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
