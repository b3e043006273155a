#!/usr/bin/env python3
"""Looks at the inner loops of a kernel's assembly: do sums stay in registers, how near is the FMA bound?

  attn-compile X.mlir --emit=asm --target=cpu:znver4 -o X.s
  benchmarks/product_loops.py X.s                  one line per loop of products
  benchmarks/product_loops.py X.s --mca znver4     with llvm-mca's cycles per iteration (static analysis, no run)
  benchmarks/product_loops.py X.s --expect zmm     fails if a loop spills, or multiplies other vectors

A product loop is an innermost loop with at least eight multiply-adds on whole vectors and no other
floating-point arithmetic: scores and values, where the time goes. A pair product of bfloat16 counts as one
multiply-add; tiles of AMX are not looked at. A strict one also selects (it leaves
out value rows that are not finite); it runs rarely, and is listed but not judged.
"""
import argparse
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

LABEL = re.compile(r"^([.\w$]+):")
JUMP = re.compile(r"^\s+(?:j[a-z]+|b\.[a-z]+|b|cbn?z\s+\w+,|tbn?z\s+\w+, #\d+,)\s+(\.L\w+)")
# AT&T: vfmadd231ps (mem){1to16}, %zmm3, %zmm0; AArch64: fmla v0.4s, v1.4s, v2.s[0].
FUSED = re.compile(r"^\s+(?:vfn?madd\d+ps\b|vdpbf16ps\b|fmla\s+v\d+\.4s)")
PLAIN = re.compile(r"^\s+v?mulps\b")
SUM = re.compile(r"^\s+v?addps\b")
OTHER = re.compile(r"^\s+(?:v?(?:sub|div|max|min|sqrt)ps|vscalef|vrndscale|vroundps|f(?:sub|div|max|min|mul)\s+v\d)")
SELECT = re.compile(r"^\s+v?(?:cmp\w*ps|pcmp|p?blend|p?andn?(?:ps|d|q)?\s.*%[xyz]mm)|\{%k\d\}|"
                    r"^\s+(?:cm(?:eq|gt)|bi[ft]|bsl)\s")
STACK = re.compile(r"\(%rsp|\[sp\b")
STACK_STORE = re.compile(r"^\s+st[rp]\s|%[xyz]mm\d+, -?\d*\(%rsp\)")
VECTOR = re.compile(r"%[xyz]mm\d+|\b[qv]\d+\b")
VECTOR_LOAD = re.compile(r"^\s+(?:v?mov[au]ps|ldp?\s+q|ldr\s+q|ld1)")


@dataclass
class Loop:
    function: str
    line: int
    end: int
    body: list = field(repr=False)
    fused: bool  # the processor has multiply-add

    def count(self, pattern):
        return sum(bool(pattern.search(text)) for text in self.body)

    @property
    def products(self):
        """Multiply-adds; without a fused instruction, products."""
        return self.count(FUSED) if self.fused else min(self.count(PLAIN), self.count(SUM))

    @property
    def kind(self):
        other = self.count(OTHER) or (self.fused and self.count(PLAIN))
        return "other" if other else "strict" if self.count(SELECT) else "product"

    @property
    def spills(self):
        """Accesses of vectors on the stack, if some are written. A loop that only reads them finds operands there that
        do not change, in place of reading them where they lie."""
        found = [text for text in self.body if STACK.search(text) and VECTOR.search(text)]
        return len(found) if any(STACK_STORE.search(text) for text in found) else 0

    @property
    def register(self):
        """Kind of register that the products are made in."""
        sums = [re.search(r"(xmm|ymm|zmm)\d+\s*$|^\s+fmla\s+(v)\d", text.split("#")[0])
                for text in self.body if FUSED.search(text) or PLAIN.search(text)]
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
    fused = any(map(FUSED.search, lines))
    return [Loop(functions[a], a + 1, b + 1, [t for t in lines[a + 1:b + 1] if not t.lstrip().startswith((".", "#"))], fused)
            for a, b in sorted(longest.items())]


def product_loops(lines, least):
    """Of ranges that overlap (blocks out of line jump back into a loop) the one with most products."""
    found = [loop for loop in innermost_loops(lines) if loop.products >= least and loop.kind != "other"]
    kept = []
    for loop in sorted(found, key=lambda loop: -loop.products):
        if not any(loop.line < other.end and other.line < loop.end for other in kept):
            kept.append(loop)
    return sorted(kept, key=lambda loop: loop.line)


def cycles(text, processor, tool, rounds=200):
    """Cycles per repetition of the instructions in the steady state, by llvm-mca."""
    triple = "x86_64" if "%" in text else "aarch64"
    command = [tool, f"-mtriple={triple}-unknown-linux-gnu", f"-mcpu={processor}", f"-iterations={rounds}"]
    done = subprocess.run(command, input=text, text=True, capture_output=True)
    if done.returncode or "not a recognized processor" in done.stderr:
        sys.exit(f"{tool} does not model {processor}: {done.stderr.splitlines()[0]}")
    return int(re.search(r"Total Cycles:\s+(\d+)", done.stdout).group(1)) / rounds


def multiply_add_cycles(register, fused, processor, tool):
    """Cycles of one multiply-add among enough independent ones."""
    def one(i):
        if register == "v":
            return f"fmla v{i}.4s, v30.4s, v31.4s\n"
        if register == "xmm" and not fused:
            return f"mulps %xmm15, %xmm{i}\naddps %xmm14, %xmm{i}\n"
        return f"vfmadd231ps %{register}15, %{register}14, %{register}{i}\n"
    count = 12
    return cycles("".join(one(i) for i in range(count)), processor, tool) / count


def default_tool():
    found = next(filter(None, map(shutil.which, ["llvm-mca-22", "llvm-mca"])), None)
    return found or sys.exit("llvm-mca is not installed; it comes with LLVM")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assembly")
    parser.add_argument("--mca", metavar="PROCESSOR", help="a processor that llvm-mca models, such as znver4")
    parser.add_argument("--mca-tool", help="path of llvm-mca")
    parser.add_argument("--expect", choices=["xmm", "ymm", "zmm", "v"], help="the register kind of every product")
    parser.add_argument("--least", type=int, default=8, help="products that make a loop a product loop (default 8)")
    options = parser.parse_args()

    with open(options.assembly) as file:
        loops = product_loops(file.read().splitlines(), options.least)
    if not any(loop.kind == "product" for loop in loops):
        sys.exit(f"{options.assembly}: expected loops of at least {options.least} products, found none")
    wrong = 0
    for loop in loops:
        line = f"{loop.function}:{loop.line} {loop.kind} {loop.register} products {loop.products} " \
               f"loads {loop.count(VECTOR_LOAD)} instructions {len(loop.body)} spills {loop.spills}"
        if options.mca:
            tool = options.mca_tool or default_tool()
            found = cycles("\n".join(t for t in loop.body if not LABEL.match(t)) + "\n", options.mca, tool)
            bound = loop.products * multiply_add_cycles(loop.register, loop.fused, options.mca, tool)
            line += f" cycles {found:.1f} bound {bound:.1f} share {100 * bound / found:.0f} %"
        print(line)
        if options.expect and loop.kind == "product" and (loop.spills or loop.register != options.expect):
            print(f"  expected no spills and {options.expect} only")
            wrong += 1
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
