#!/usr/bin/env python3
"""Looks at the inner loops of a kernel's assembly: are sums kept in registers, how near is the FMA bound?

  attn-compile X.mlir --emit=asm --target=cpu:znver4 -o X.s
  benchmarks/product_loops.py X.s                        one line per loop that multiplies and adds
  benchmarks/product_loops.py X.s --mca znver4           with llvm-mca's cycles per iteration (static analysis, no run)
  benchmarks/product_loops.py X.s --expect zmm           fails if a loop spills or multiplies narrower vectors

A product loop is an innermost loop with at least eight fused multiply-adds (without a fused
instruction, products) on whole vectors; they are the loops that the time goes into.
"""
import argparse
import re
import subprocess
import sys
from dataclasses import dataclass, field

LABEL = re.compile(r"^([.\w$]+):")
JUMP = re.compile(r"^\s+(?:j[a-z]+|b\.[a-z]+|b|cbn?z\s+\w+,|tbn?z\s+\w+, #\d+,)\s+(\.L\w+)")
# AT&T: vfmadd231ps (mem){1to16}, %zmm3, %zmm0; AArch64: fmla v0.4s, v1.4s, v2.s[0].
FUSED = re.compile(r"^\s+(?:vfn?madd\d+ps\b|fmla\s+v\d+\.4s)")
PRODUCT = re.compile(r"^\s+v?mulps\b")
STACK = re.compile(r"\(%rsp|\[sp\b")
VECTOR = re.compile(r"%[xyz]mm\d+|\b[qv]\d+\b")
VECTOR_LOAD = re.compile(r"^\s+(?:v?mov[au]ps|ldp?\s+q|ldr\s+q|ld1)")


@dataclass
class Loop:
    function: str
    line: int
    body: list = field(repr=False)

    def count(self, pattern):
        return sum(bool(pattern.search(text)) for text in self.body)

    @property
    def products(self):
        return self.count(FUSED) or self.count(PRODUCT)

    @property
    def spills(self):
        """Accesses of vectors on the stack."""
        return sum(bool(STACK.search(text) and VECTOR.search(text)) for text in self.body)

    @property
    def register(self):
        """Kind of register that the products are made in."""
        sums = [re.search(r"(xmm|ymm|zmm)\d+\s*$|^\s+fmla\s+(v)\d", text.split("#")[0])
                for text in self.body if FUSED.search(text) or PRODUCT.search(text)]
        kinds = {match.group(1) or match.group(2) for match in sums if match}
        return "+".join(sorted(kinds)) or "none"


def innermost_loops(lines):
    """Every range from a label to a jump back to it that holds no other such range."""
    labels, ranges, function, functions = {}, [], "", []
    for number, text in enumerate(lines):
        functions.append(function)
        if match := LABEL.match(text):
            labels[match.group(1)] = number
            if not match.group(1).startswith(".L"):
                function = match.group(1)
        if (match := JUMP.match(text)) and match.group(1) in labels:
            ranges.append((labels[match.group(1)], number))
    inner = [(a, b) for a, b in ranges
             if not any((a, b) != (c, d) and a <= c and d <= b for c, d in ranges)]
    # Two jumps to one label: the longer one is the loop.
    longest = {}
    for a, b in inner:
        longest[a] = max(b, longest.get(a, 0))
    return [Loop(functions[a], a + 1, [t for t in lines[a + 1:b + 1] if not t.lstrip().startswith((".", "#"))])
            for a, b in sorted(longest.items())]


def product_loops(lines, least):
    return [loop for loop in innermost_loops(lines) if loop.products >= least]


def cycles(loop, processor, mca):
    """Cycles per iteration in the steady state, by llvm-mca."""
    text = "\n".join(t for t in loop.body if not LABEL.match(t)) + "\n"
    triple = "aarch64" if loop.register == "v" else "x86_64"
    out = subprocess.run([mca, f"-mtriple={triple}-unknown-linux-gnu", f"-mcpu={processor}", "-iterations=200"],
                         input=text, text=True, capture_output=True, check=True).stdout
    return int(re.search(r"Total Cycles:\s+(\d+)", out).group(1)) / 200


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assembly")
    parser.add_argument("--mca", metavar="PROCESSOR", help="a processor that llvm-mca models, such as znver4")
    parser.add_argument("--mca-tool", default="llvm-mca")
    parser.add_argument("--expect", choices=["xmm", "ymm", "zmm", "v"], help="the register kind of every product")
    parser.add_argument("--least", type=int, default=8, help="products that make a loop a product loop (default 8)")
    parser.add_argument("--per-cycle", type=float, default=2, help="products the processor starts per cycle (default 2)")
    options = parser.parse_args()

    with open(options.assembly) as file:
        loops = product_loops(file.read().splitlines(), options.least)
    if not loops:
        sys.exit(f"{options.assembly}: expected loops with at least {options.least} products, found none")
    wrong = 0
    for loop in loops:
        line = f"{loop.function}:{loop.line} {loop.register} products {loop.products} " \
               f"loads {loop.count(VECTOR_LOAD)} instructions {len(loop.body)} spills {loop.spills}"
        if options.mca:
            bound, found = loop.products / options.per_cycle, cycles(loop, options.mca, options.mca_tool)
            line += f" cycles {found:.1f} bound {bound:.1f} share {100 * bound / found:.0f} %"
        print(line)
        if options.expect and (loop.spills or loop.register != options.expect):
            print(f"  expected no spills and {options.expect} only")
            wrong += 1
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
