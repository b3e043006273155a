#!/usr/bin/env python3
# ===- examples.py - runs every MLIR example of the ODS descriptions ---===#
"""examples.py OPT LLVM_TBLGEN LLVM_INCLUDE SOURCE

Each ```mlir block of an operation's, attribute's, type's or pass's description, and of the pages in
docs/ and README.md, must be accepted by OPT. Every operation and pass must have one. A pass shows its
work as

    Example: `attn-opt --some-pass` on
    ```mlir ...``` (before)
    gives
    ```mlir ...``` (after, which may be left out)

The first block is run through the flags; every top-level operation of the second must be in the result.
"""
import glob
import json
import re
import subprocess
import sys

BLOCK = re.compile(r"```mlir\n(.*?)```", re.DOTALL)


def definitions(tblgen, includes, path):
    """(name, kind, the word its examples must contain, description) of each definition."""
    flags = [flag for include in includes for flag in ("-I", include)]
    text = subprocess.run([tblgen, "--dump-json", *flags, path], check=True, stdout=subprocess.PIPE).stdout
    records = json.loads(text)
    for kind, word in (("Op", "opName"), ("AttrDef", "mnemonic"), ("TypeDef", "mnemonic"), ("PassBase", "argument")):
        for name in records["!instanceof"].get(kind, []):
            record = records[name]
            own = kind == "PassBase" or dialect(records, record) == "attn"
            if own:
                yield name, kind, record[word], record.get("description") or ""


def dialect(records, record):
    owner = record.get("opDialect") or record.get("dialect")
    return records[owner["def"]]["name"] if owner else ""


def run(opt, text, *flags):
    """(accepted, output or messages)"""
    done = subprocess.run([opt, *flags, "-"], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode == 0, (done.stdout if done.returncode == 0 else done.stderr).decode()


def top_level(text):
    """Operations directly in the printed module."""
    body = re.sub(r"\A.*?\{\n|\n\}\s*\Z", "", text, flags=re.DOTALL)
    return [item for item in re.split(r"\n(?=  \S)(?!  \})", body) if item.strip()]


def problems_of_pass(opt, description):
    """A pass's examples: before, flags and, when given, after."""
    match = re.search(r"`attn-opt ([^`]+)`", description)
    blocks = BLOCK.findall(description)
    if not match:
        yield "no line 'Example: `attn-opt --flags` on' before the example"
        return
    accepted, result = run(opt, blocks[0], *match.group(1).split())
    if not accepted:
        yield f"the example fails under {match.group(1)}:\n{result}"
        return
    for block in blocks[1:]:
        accepted, wanted = run(opt, block)
        if not accepted:
            yield f"the expected result is not accepted:\n{wanted}"
            continue
        for item in top_level(wanted):
            if item not in result:
                yield f"expected in the result of {match.group(1)}:\n{item}\nfound:\n{result}"


def problems(opt, kind, word, description):
    blocks = BLOCK.findall(description)
    if kind in ("Op", "PassBase") and not blocks:
        yield "has no ```mlir example"
    elif kind == "PassBase":
        yield from problems_of_pass(opt, description)
    for block in blocks if kind != "PassBase" else []:
        if word not in block:
            yield f"'{word}' does not occur in its example"
        accepted, message = run(opt, block)
        if not accepted:
            yield message


def problems_of_definitions(opt, tblgen, llvm, source):
    includes = [f"{source}/dialects", f"{source}/include", llvm]
    passes = sorted(glob.glob(f"{source}/include/attn/**/Passes.td", recursive=True))
    for path in [f"{source}/dialects/attn/IR/AttnOps.td"] + passes:
        count = 0
        for name, kind, word, description in definitions(tblgen, includes, path):
            count += 1
            for problem in problems(opt, kind, word, description):
                yield f"{path}: {name} ({word}): {problem}"
        if count == 0:
            yield f"{path}: declares nothing"


def problems_of_pages(opt, source):
    for path in sorted(glob.glob(f"{source}/docs/**/*.md", recursive=True)) + glob.glob(f"{source}/README.md"):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for block in BLOCK.finditer(text):
            accepted, message = run(opt, block.group(1))
            if not accepted:
                yield f"{path}:{text[:block.start()].count(chr(10)) + 1}: {message}"


def main():
    opt, tblgen, llvm, source = sys.argv[1:]
    found = list(problems_of_definitions(opt, tblgen, llvm, source)) + list(problems_of_pages(opt, source))
    print("\n".join(found + [f"{len(found)} problems"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
