#!/usr/bin/env python3
# ===- constraints.py - the numbered constraints: list them, check that each is kept and tested ---===#
"""constraints.py SOURCE_DIR [OUTPUT.md]

A constraint `- (rope_c1) text` stands in the ODS description of its operation. The verifier ends its
message with that label, and a test named after it breaks it. Every label must be in all three places,
and no verifier or test may use a label that ODS does not have. With OUTPUT.md the list is written.
"""
import glob
import re
import sys

RULE = re.compile(r"^ *- \((\w+_c\d+)\) (.*(?:\n {6,}\S.*)*)", re.MULTILINE)
LABEL = re.compile(r"\b[a-z_]+_c\d+\b")


def read(paths):
    texts = []
    for path in sorted(paths):
        with open(path, encoding="utf-8") as file:
            texts.append(file.read())
    return "\n".join(texts)


def without_comments(code):
    return re.sub(r"//.*", "", code)


def declared(source):
    """label -> text, in the order of the descriptions."""
    text = read(glob.glob(f"{source}/dialects/attn/IR/*.td"))
    return {label: " ".join(rule.split()) for label, rule in RULE.findall(text)}


def tested(source):
    """label -> names of the tests whose expected message ends in it."""
    sections = re.split(r"\n// -----\n", read(glob.glob(f"{source}/test/dialects/attn/*invalid.mlir")))
    names = {}
    for section in sections:
        name = re.search(r"(?:@|sym_name = \")(\w+_c\d+_\w+)", section)
        for label in re.findall(r"expected-error.*\((\w+_c\d+)\)\}\}", section):
            if name and name.group(1).startswith(label + "_"):
                names.setdefault(label, []).append(name.group(1))
    return names


def problems(rules, code, tests, tests_text):
    kept = set(LABEL.findall(code))
    for label in rules:
        if label not in kept:
            yield f"no verifier in dialects/attn/IR names {label}"
        if label not in tests:
            yield f"no test in test/dialects/attn is named {label}_... and expects ({label})"
    for label in sorted((kept | set(re.findall(r"\((\w+_c\d+)\)\}\}", tests_text))) - set(rules)):
        yield f"{label} is used, but no description in dialects/attn/IR declares it"


def write(path, rules, tests):
    lines, operation = [], ""
    for label, text in rules.items():
        if label.rsplit("_", 1)[0] != operation:
            operation = label.rsplit("_", 1)[0]
            lines += ["", f"## {operation}", "", "| constraint | text | broken by the tests |", "|---|---|---|"]
        cases = ", ".join(name[len(label) + 1 :].replace("_", " ") for name in tests.get(label, []))
        lines.append(f"| `{label}` | {text} | {cases} |")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines).strip() + "\n")


def main():
    source = sys.argv[1]
    rules, tests = declared(source), tested(source)
    code = without_comments(read(glob.glob(f"{source}/dialects/attn/IR/*.cpp")))
    found = list(problems(rules, code, tests, read(glob.glob(f"{source}/test/dialects/attn/*.mlir"))))
    if len(sys.argv) > 2:
        write(sys.argv[2], rules, tests)
    print("\n".join(found + [f"{len(rules)} constraints, {len(found)} problems"]))
    return 1 if found or not rules else 0


if __name__ == "__main__":
    sys.exit(main())
