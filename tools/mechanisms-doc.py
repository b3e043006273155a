#!/usr/bin/env python3
#===- mechanisms-doc.py - writes docs/Mechanisms.md from examples/mechanisms ---===#
"""Writes docs/Mechanisms.md, the table of the files in examples/mechanisms.

    mechanisms-doc.py            writes the page
    mechanisms-doc.py --check    exits with 1 when the page is not what would be written

Each file starts with three comment lines: `// mechanism:`, `// paper:` and `// note:`. Head counts
and head sizes are read from its first spec, or else from its first attention; masks from all of them.
"""
import argparse
import pathlib
import re
import sys

KEYS = ("mechanism", "paper", "note")
# Order of the page; a file named in no section is an error, so that none is forgotten.
SECTIONS = {
    "Head grouping": ["mha", "mqa", "gqa", "sqa", "ssqa", "xsqa", "xsmqa", "lsqa", "rsqa", "sw-sqa", "wgqa",
                      "kdgqa", "dgqa", "diffqkv"],
    "Latent and factored": ["mla-expanded", "mla-absorbed", "mla-v2-lite", "mla-v3", "mla-kimi-k2", "mla-minicpm3",
                            "transmla", "mha2mla", "x-ecomla", "mtla-training-mask", "mtla", "gla", "gta", "tpla",
                            "mfa", "mfa-kr", "cca", "el-attention", "compressed-kv-heads"],
    "Across layers": ["cla", "cla-pair", "mlkv", "skip-layer", "masa"],
    "Score, position and norm": ["alibi", "qknorm", "qwen3-qk-norm", "harpe", "gemma2", "sink-logits",
                                 "relu-attention", "sigmoid-attention", "knocking-heads", "knocking-heads-mlp"],
    "Masks": ["mistral-window", "streaming-llm", "chunked-local", "prefix-fixed", "prefix-lm", "document-mask",
              "duo-attention", "razor-attention"],
    "Parts and lengths": ["split-kv", "ragged-decode", "gated-sum"],
}

HEADER = """# Mechanisms

Each row is a file of `examples/mechanisms/`, ten to a hundred lines that compile and are checked against
the reference with `attn-run FILE --check`. They differ in values, not in operations: head map, sizes, latent, mask, score and
normaliser. Heads are query / key / value; sizes are of a query and key head / of a value head.

This page is written by `python3 tools/mechanisms-doc.py` from the files.
"""


class BadFile(Exception):
    """A mechanism's file that cannot be described; the text names it and says what to do."""


def head_comments(path, text):
    found = {}
    for line, key in zip(text.splitlines(), KEYS):
        match = re.fullmatch(rf"// {key}: (\S.*)", line)
        if not match:
            raise BadFile(f"{path}: expected a line '// {key}: ...' at line {len(found) + 1}, found '{line}'; "
                          f"start the file with {', '.join(KEYS)} in this order")
        found[key] = match.group(1)
    return found


def spec_facts(spec):
    """Heads, sizes and mask of the text of an attn.spec, defaults as the dialect defines them."""
    def number(name, default=None, text=spec):
        match = re.search(rf"\b{name} = (\d+)", text)
        return int(match.group(1)) if match else default

    query = number("query_heads")
    key = number("key_heads", query)
    value = number("value_heads", key)
    latent = re.search(r"#attn\.latent<(.*?)>", spec)
    if latent:
        nope = number("nope", text=latent.group(1))
        qk = nope + number("rope", 0, latent.group(1))
    else:
        qk = nope = number("qk_size")
    return (query, key, value), (qk, number("v_size", nope)), mask_after(spec, r"mask = #attn\.mask", "causal")


def attention_facts(operation):
    """The same of the text from an attn.attention on, from its types."""
    heads, size = r"tensor<\?x(\d+)x(?:\?|\d+)x", r"(\d+)x\w+>"
    shapes = re.search(rf":\s+{heads}{size},\s*{heads}\d+x\w+>,\s*{heads}{size}", operation)
    query, qk, key, value, v = (int(group) for group in shapes.groups())
    return (query, key, value), (qk, v), mask_after(operation[:shapes.start()], r"mask\(", "all")


def mask_after(text, opening, default):
    """The mask expression in angle brackets after `opening`, on one line."""
    match = re.search(opening + "<", text)
    if not match:
        return default
    depth, at = 1, match.end()
    while depth:
        depth += {"<": 1, ">": -1}.get(text[at], 0)
        at += 1
    return " ".join(text[match.end():at - 1].split())


def row(path):
    text = path.read_text(encoding="utf-8")
    comments = head_comments(path, text)
    code = "\n".join(line for line in text.splitlines() if not line.startswith("//"))
    specs = re.findall(r"^attn\.spec @\w+ \{.*?^\}", code, re.MULTILINE | re.DOTALL)
    facts = [spec_facts(spec) for spec in specs] or [
        attention_facts(operation) for operation in re.split(r"=\s+attn\.attention ", code)[1:]]
    heads, sizes, _ = facts[0]
    masks = dict.fromkeys(mask for _, _, mask in facts)
    cells = [f"[{comments['mechanism']}](../examples/mechanisms/{path.name})",
             " / ".join(map(str, heads)), " / ".join(map(str, sizes)), ", ".join(f"`{mask}`" for mask in masks),
             "spec" if specs else "function", comments["note"], comments["paper"]]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def page(folder):
    files = {path.stem: path for path in sorted(folder.glob("*.mlir"))}
    listed = [slug for slugs in SECTIONS.values() for slug in slugs]
    for slug in files:
        if slug not in listed:
            raise BadFile(f"{files[slug]}: expected the file in a section of tools/mechanisms-doc.py, found it in "
                          "none; add it to SECTIONS")
    lines = [HEADER]
    for title, slugs in SECTIONS.items():
        lines += [f"## {title}", "", "| mechanism | heads | sizes | mask | as | what sets it apart | paper |",
                  "|---|---|---|---|---|---|---|"]
        for slug in slugs:
            if slug not in files:
                raise BadFile(f"{folder}: expected {slug}.mlir, which tools/mechanisms-doc.py lists, found none")
            lines.append(row(files[slug]))
        lines.append("")
    return "\n".join(lines)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--folder", type=pathlib.Path, default=root / "examples" / "mechanisms")
    parser.add_argument("-o", dest="output", type=pathlib.Path, default=root / "docs" / "Mechanisms.md")
    options = parser.parse_args()
    try:
        text = page(options.folder)
    except BadFile as bad:
        print(f"error: {bad}", file=sys.stderr)
        return 1
    if not options.check:
        options.output.write_text(text, encoding="utf-8")
        return 0
    if options.output.is_file() and options.output.read_text(encoding="utf-8") == text:
        return 0
    print(f"error: expected {options.output} as written from {options.folder}, found another text; "
          "run python3 tools/mechanisms-doc.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
