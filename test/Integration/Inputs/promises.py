"""Checks that every test named in a page exists: promises.py SOURCE_DIR PAGE."""
import pathlib
import re
import sys

source, page = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
macro = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)")
tests = {
    f"{suite}.{name}"
    for path in (source / "test" / "unit").rglob("*.cpp")
    for suite, name in macro.findall(path.read_text())
}
errors, found = [], 0
for number, line in enumerate(page.read_text().splitlines(), 1):
    if not line.startswith("|"):
        continue
    for name in re.findall(r"`([^`]+)`", line):
        is_path = "/" in name
        if not is_path and not re.fullmatch(r"[A-Z]\w*\.\w+", name):
            continue
        if (source / name).is_file() if is_path else name in tests:
            found += 1
        else:
            errors.append(f"{page}:{number}: error: expected a {'file' if is_path else 'test'} '{name}', found none")
print("\n".join(errors), file=sys.stderr)
print(f"{found} names found")
sys.exit(1 if errors or not found else 0)
