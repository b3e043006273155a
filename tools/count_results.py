#!/usr/bin/env python3
# ===- count_results.py - passed, failed and skipped of a lit result file ---===#
"""Prints `PASSED FAILED SKIPPED` for the JSON file that `lit -o` wrote.

A file without a single test counts as one failure: a check that ran nothing has checked nothing.
"""
import collections
import json
import sys

PASSED = {"PASS", "XFAIL", "FLAKYPASS"}
SKIPPED = {"UNSUPPORTED", "SKIPPED", "EXCLUDED"}


def count(tests):
    kinds = collections.Counter(
        "passed" if test["code"] in PASSED else "skipped" if test["code"] in SKIPPED else "failed"
        for test in tests
    )
    return kinds["passed"], kinds["failed"] if tests else 1, kinds["skipped"]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as results:
        print(*count(json.load(results)["tests"]))
