#!/usr/bin/env python3
"""entries.py table MANIFEST          prints the table of entries that run_entries.c includes
   entries.py compare MANIFEST A B    fails unless two outputs of run_entries.c agree"""
import array
import json
import math
import struct
import sys

DTYPES = {"f32": 0, "bf16": 1, "f16": 2, "i64": 3, "i32": 4, "f64": 5, "i8": 6}
BATCH, LENGTH = 2, 37  # every length is the same, so that all arguments agree
# Relative to the number or to the root mean square, whichever is larger; narrow types may round one step apart.
ALLOWED = {"f32": 2e-5, "bf16": 2 ** -7, "f16": 2 ** -10}


def sizes(argument):
    return [size or (BATCH if i == 0 else LENGTH) for i, size in enumerate(argument["shape"])]


def table(manifest):
    for entry in manifest["entries"]:
        name, arguments = entry["name"], entry["arguments"]
        print(f"int32_t {name}(const attn_tensor *, int64_t, int32_t);")
        print(f"static const argument {name}_arguments[] = {{")
        for a in arguments:
            shape = sizes(a)
            extents = ", ".join(map(str, shape)) or "1"
            print(f"    {{{int(a['kind'] == 'output')}, {DTYPES[a['dtype']]}, {len(shape)}, {{{extents}}}}},")
        print("};")
    print("static const struct {\n  const char *name;\n  attn_entry_fn run;")
    print("  const argument *arguments;\n  int64_t count;\n} entries[] = {")
    for entry in manifest["entries"]:
        name = entry["name"]
        print(f"    {{\"{name}\", {name}, {name}_arguments, {len(entry['arguments'])}}},")
    print("};")


def values(manifest, data):
    """(entry, argument, type, numbers) of every output."""
    at = 0
    for entry in manifest["entries"]:
        for a in entry["arguments"]:
            if a["kind"] != "output":
                continue
            count, width = math.prod(sizes(a)), 4 if a["dtype"] == "f32" else 2
            part, at = data[at:at + count * width], at + count * width
            if a["dtype"] == "f32":
                numbers = array.array("f", part)
            elif a["dtype"] == "f16":
                numbers = struct.unpack(f"<{count}e", part)
            else:
                numbers = array.array("f", b"".join(b"\0\0" + part[i:i + 2] for i in range(0, len(part), 2)))
            yield entry["name"], a["name"], a["dtype"], numbers
    assert at == len(data), f"expected {at} bytes of output, found {len(data)}"


def compare(manifest, a, b):
    wrong = 0
    for (entry, name, dtype, x), (_, _, _, y) in zip(values(manifest, a), values(manifest, b)):
        mean = math.sqrt(sum(q * q for q in y) / len(y))
        worst = max((abs(p - q) / max(mean, abs(q)) for p, q in zip(x, y) if p != q), default=0)
        different = len(set(x)) > 10  # all zeros would agree, too
        ok = worst <= ALLOWED[dtype] and different
        print(f"{entry} {name}: {len(x)} numbers, largest relative difference {worst:.2g}: {'ok' if ok else 'WRONG'}")
        wrong += not ok
    return wrong


def main():
    with open(sys.argv[2]) as file:
        manifest = json.load(file)
    if sys.argv[1] == "table":
        return table(manifest)
    with open(sys.argv[3], "rb") as a, open(sys.argv[4], "rb") as b:
        sys.exit(compare(manifest, a.read(), b.read()))


if __name__ == "__main__":
    main()
