#!/usr/bin/env python3
"""entries.py table MANIFEST [LENGTH]          prints the table of entries that run_entries.c includes
   entries.py compare MANIFEST A B [LENGTH]    fails unless two outputs of run_entries.c agree
   entries.py compare-rms ...                  the same by the root mean square of the difference: where weights are bf16,
                                               rows of few keys differ more"""
import array
import json
import math
import struct
import sys

DTYPES = {"f32": 0, "bf16": 1, "f16": 2, "i64": 3, "i32": 4, "f64": 5, "i8": 6}
BATCH, LENGTH = 2, 37  # every length is the same, so that all arguments agree; LENGTH unless one is given
# Relative to the number or to the root mean square, whichever is larger; narrow types may round one step apart.
ALLOWED = {"f32": 2e-5, "bf16": 2 ** -7, "f16": 2 ** -10}


def sizes(argument, length):
    return [size or (BATCH if i == 0 else length) for i, size in enumerate(argument["shape"])]


def table(manifest, length):
    for entry in manifest["entries"]:
        name, arguments = entry["name"], entry["arguments"]
        print(f"int32_t {name}(const attn_tensor *, int64_t, int32_t);")
        print(f"static const argument {name}_arguments[] = {{")
        for a in arguments:
            shape = sizes(a, length)
            extents = ", ".join(map(str, shape)) or "1"
            print(f"    {{{int(a['kind'] == 'output')}, {DTYPES[a['dtype']]}, {len(shape)}, {{{extents}}}}},")
        print("};")
    print("static const struct {\n  const char *name;\n  attn_entry_fn run;")
    print("  const argument *arguments;\n  int64_t count;\n} entries[] = {")
    for entry in manifest["entries"]:
        name = entry["name"]
        print(f"    {{\"{name}\", {name}, {name}_arguments, {len(entry['arguments'])}}},")
    print("};")


def values(manifest, data, length):
    """(entry, argument, type, numbers) of every output."""
    at = 0
    for entry in manifest["entries"]:
        for a in entry["arguments"]:
            if a["kind"] != "output":
                continue
            count, width = math.prod(sizes(a, length)), 4 if a["dtype"] == "f32" else 2
            part, at = data[at:at + count * width], at + count * width
            if a["dtype"] == "f32":
                numbers = array.array("f", part)
            elif a["dtype"] == "f16":
                numbers = struct.unpack(f"<{count}e", part)
            else:
                numbers = array.array("f", b"".join(b"\0\0" + part[i:i + 2] for i in range(0, len(part), 2)))
            yield entry["name"], a["name"], a["dtype"], numbers
    assert at == len(data), f"expected {at} bytes of output, found {len(data)}"


def compare(manifest, a, b, length, by_rms):
    wrong = 0
    for (entry, name, dtype, x), (_, _, _, y) in zip(values(manifest, a, length), values(manifest, b, length)):
        # Where both are NaN they agree; where one is, the difference is NaN and not allowed.
        x, y = zip(*((p, q) for p, q in zip(x, y) if p == p or q == q))
        mean = math.sqrt(sum(q * q for q in y) / len(y))
        if by_rms:
            off = math.sqrt(sum((p - q) ** 2 for p, q in zip(x, y)) / len(y)) / mean
        else:
            off = max((abs(p - q) / max(mean, abs(q)) for p, q in zip(x, y) if p != q), default=0)
        different = len(set(x)) > 10  # all zeros would agree, too
        ok = off <= ALLOWED[dtype] and different
        kind = "root mean square of the difference" if by_rms else "largest relative difference"
        print(f"{entry} {name}: {len(x)} numbers, {kind} {off:.2g}: {'ok' if ok else 'WRONG'}")
        wrong += not ok
    return wrong


def main():
    with open(sys.argv[2]) as file:
        manifest = json.load(file)
    given = 3 if sys.argv[1] == "table" else 5
    length = int(sys.argv[given]) if len(sys.argv) > given else LENGTH
    if sys.argv[1] == "table":
        return table(manifest, length)
    with open(sys.argv[3], "rb") as a, open(sys.argv[4], "rb") as b:
        sys.exit(compare(manifest, a.read(), b.read(), length, sys.argv[1] == "compare-rms"))


if __name__ == "__main__":
    main()
