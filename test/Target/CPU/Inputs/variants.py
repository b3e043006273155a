"""Calls a library for several processors as a program without the runtime would: which variant runs?

The bits of x86-64 (sums of products) and x86-64-v3 (fused) differ, so the output says what ran.
"""
import ctypes, glob, json, os, random, subprocess, sys


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("rank", ctypes.c_int32), ("dtype", ctypes.c_int32),
                ("sizes", ctypes.c_int64 * 4), ("strides", ctypes.c_int64 * 4)]


def tensor(buffer, sizes):
    strides = [1] * 4
    for i in (2, 1, 0):
        strides[i] = strides[i + 1] * sizes[i + 1]
    return Tensor(ctypes.addressof(buffer), 4, 0, (ctypes.c_int64 * 4)(*sizes), (ctypes.c_int64 * 4)(*strides))


def call(folder):
    """Runs the first entry on fixed data; prints its code and its output's bytes."""
    manifest = json.load(open(f"{folder}/manifest.json"))
    entry, length, keep, args = manifest["entries"][0], 37, [], []
    generator = random.Random(1)
    for argument in entry["arguments"]:
        sizes = [size or (1 if i == 0 else length) for i, size in enumerate(argument["shape"])]
        assert argument["dtype"] == "f32" and len(sizes) in (3, 4), argument
        count = 1
        for size in sizes:
            count *= size
        keep.append((ctypes.c_float * count)(*(generator.uniform(-1, 1) for _ in range(count))))
        if len(sizes) == 3:
            args.append(Tensor(ctypes.addressof(keep[-1]), 3, 0, (ctypes.c_int64 * 4)(*sizes, 1),
                               (ctypes.c_int64 * 4)(sizes[1] * sizes[2], sizes[2], 1, 1)))
        else:
            args.append(tensor(keep[-1], sizes))
    function = getattr(ctypes.CDLL(glob.glob(f"{folder}/lib*.so")[0]), entry["name"])
    function.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32]
    code = function((Tensor * len(args))(*args), len(args), 1)
    out = next(k for k, a in zip(keep, entry["arguments"]) if a["kind"] == "output")
    print(code, bytes(out).hex())


def ask(folder, variant):
    environment = dict(os.environ, ATTN_CPU_VARIANT=variant)
    done = subprocess.run([sys.executable, __file__, folder, "call"], env=environment, capture_output=True, text=True, check=True)
    code, text = done.stdout.split()
    return int(code), text


if len(sys.argv) > 2:
    call(sys.argv[1])
else:
    folder = sys.argv[1]
    plain, fused, chosen = ask(folder, "x86-64"), ask(folder, "x86-64-v3"), ask(folder, "")
    assert plain[0] == fused[0] == chosen[0] == 0, (plain[0], fused[0], chosen[0])
    assert plain[1] != fused[1], "two processors' code gives other bits"
    assert chosen[1] != plain[1], "the machine can do better than x86-64"
    assert ask(folder, "none")[0] == 999005
