#!/usr/bin/env python3
# ===- mutate.py - damaged inputs must end in success or a diagnostic, never in a crash ---===#
"""mutate.py OPT COUNT SEED FILE... : damages the files' functions COUNT times and runs OPT on them.

Every exit code but 0 and 1 fails. What OPT still accepts must survive printing and reading (the second
print equals the first) and be canonicalised without complaint. A failure is narrowed down to one
damaged input, which is printed.
"""
import functools
import random
import re
import subprocess
import sys

SEPARATOR = "\n// -----\n"
TOKEN = re.compile(r"[%@#!^]?[A-Za-z_][\w.$]*|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\"[^\"]*\"|->|\s+|.")
INTEGERS = ["0", "-1", "1", "2", "3", "8", "1000000", "4294967296", "9223372036854775807", "-9223372036854775808",
            "18446744073709551616"]
REALS = ["0.0", "-0.0", "0.1", "1.0e308", "-1.5", "1.0e-320", "0x7FF0000000000000", "0xFFF8000000000000"]
ODDITIES = ["?", "f32", "index", "[]", "<>", "{}", "->", "x", "all", "causal"]
BATCH = 400


def seeds(paths):
    """Top-level items of the files, comments taken out."""
    items = []
    for path in paths:
        with open(path) as file:
            lines = [line for line in file if not line.lstrip().startswith("//")]
        items += re.split(r"\n\n+(?=\S)", "".join(lines))
    return [item.strip() for item in items if item.strip()]


@functools.lru_cache(None)
def kind(token):
    """Tokens of one kind may stand for each other without breaking the grammar."""
    if re.fullmatch(r"-?\d+", token):
        return "integer"
    if re.fullmatch(r"-?\d+\.\d.*", token):
        return "real"
    return token[0] if not token[0].isalpha() else "word"


@functools.lru_cache(None)
def alike(pool, wanted):
    return [token for token in pool if kind(token) == wanted]


def replace_token(tokens, rng, pool):
    i = rng.randrange(len(tokens))
    tokens[i] = rng.choice(alike(pool, kind(tokens[i])) or list(pool) + ODDITIES)


def delete_tokens(tokens, rng, pool):
    start = rng.randrange(len(tokens))
    del tokens[start : start + rng.choice([1, 1, 1, 2, 5])]


def insert_token(tokens, rng, pool):
    tokens.insert(rng.randrange(len(tokens) + 1), rng.choice(pool))


def repeat_tokens(tokens, rng, pool):
    start = rng.randrange(len(tokens))
    end = start + rng.randrange(1, 12)
    tokens[start:start] = tokens[start:end]


def swap_tokens(tokens, rng, pool):
    i, j = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    tokens[i], tokens[j] = tokens[j], tokens[i]


def replace_number(tokens, rng, pool):
    numbers = [i for i, token in enumerate(tokens) if kind(token) in ("integer", "real")]
    if numbers:
        i = rng.choice(numbers)
        edges = INTEGERS if kind(tokens[i]) == "integer" else REALS
        tokens[i] = rng.choice(edges + alike(pool, kind(tokens[i])))


def damage_byte(tokens, rng, pool):
    i = rng.randrange(len(tokens))
    tokens[i] += chr(rng.choice([*b'!"(<>[{}', 0x7F, 0xE9, rng.randrange(32, 127)]))


def cut_off(tokens, rng, pool):
    del tokens[rng.randrange(1, len(tokens) + 1) :]


# Numbers and single tokens reach the verifiers most often, so they are tried most often.
MUTATIONS = [replace_number] * 6 + [replace_token] * 4 + [swap_tokens] * 2 + [
    delete_tokens, delete_tokens, insert_token, insert_token, repeat_tokens, damage_byte, cut_off]


def mutants(items, count, seed):
    rng = random.Random(seed)
    tokenised = [TOKEN.findall(item) for item in items]
    pool = tuple(sorted({token for tokens in tokenised for token in tokens if token.strip()}))
    for _ in range(count):
        tokens = list(rng.choice(tokenised))
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            if tokens:
                rng.choice(MUTATIONS)(tokens, rng, pool)
        yield "".join(tokens)


def run(opt, inputs, *flags):
    """Exit code, the modules that were accepted, messages; a hang counts as a crash."""
    try:
        done = subprocess.run([opt, "--split-input-file", *flags, "-"], input=SEPARATOR.join(inputs).encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    except subprocess.TimeoutExpired:
        return "no exit within 60 s", [], ""
    modules = [text.strip() for text in done.stdout.decode(errors="replace").split("// -----\n")]
    return done.returncode, [text for text in modules if text], done.stderr.decode(errors="replace")


def complaint(opt, inputs):
    """What is wrong with how OPT handles the inputs; nothing when all is well."""
    code, modules, messages = run(opt, inputs)
    if code not in (0, 1):
        return f"exit code {code}\n{messages[-2000:]}"
    code, again, messages = run(opt, modules)
    if code != 0:
        return f"its own output is not accepted:\n{messages[-2000:]}"
    if again != modules:
        return "its output changes when it is read again"
    code, _, messages = run(opt, modules, "--canonicalize", "--cse")
    return f"canonicalisation ends with {code}:\n{messages[-2000:]}" if code != 0 else ""


def narrowed(opt, inputs):
    """One input of a failing batch that fails by itself, or the batch when none does."""
    while len(inputs) > 1:
        half = len(inputs) // 2
        parts = [part for part in (inputs[:half], inputs[half:]) if complaint(opt, part)]
        if not parts:
            break
        inputs = parts[0]
    return inputs


def main():
    opt, count, seed, paths = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    inputs = list(mutants(seeds(paths), count, seed))
    for start in range(0, count, BATCH):
        batch = inputs[start : start + BATCH]
        if complaint(opt, batch):
            failing = narrowed(opt, batch)
            print(SEPARATOR.join(failing), complaint(opt, failing), sep="\n\n")
            return 1
    # Damage that nothing survives would test the parser only.
    accepted = len(run(opt, inputs[:BATCH])[1])
    print(f"{count} damaged inputs without a crash; {accepted} of the first {BATCH} were still accepted")
    return 0 if accepted > BATCH // 20 else 1


if __name__ == "__main__":
    sys.exit(main())
