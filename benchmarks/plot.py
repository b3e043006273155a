#!/usr/bin/env python3
"""Draws share of the ceiling against length as SVG, from the JSON of benchmarks/cpu.py. Needs nothing but Python.

  benchmarks/plot.py results.json [more.json] -o share.svg [--ceiling fma256] [--relative]

A line for each series (the case's name without its length, and the threads), a point for each length: the best
repetition over the ceiling that the same run measured, by default the highest ceiling the code can reach. --relative
draws operations per second over those of the series' fastest length instead.
"""
import argparse, collections, json, math, pathlib, re, sys

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 60, 190, 40, 50
COLORS = ["#1b6ca8", "#c8553d", "#2e8b57", "#8a4fbf", "#b8860b", "#444444", "#d1478c", "#008b8b"]


def length_of(record):
    found = re.search(r"_s(\d+)$", record["case"])
    return int(found.group(1)) if found else record.get("length")


def series_of(record):
    name = re.sub(r"_s\d+$", "", record["case"])
    return f"{name}, {record['threads']} thread{'s' if record['threads'] > 1 else ''}"


def share_of(record, ceiling):
    shares = record["share"]
    if ceiling:
        return shares[ceiling]
    # Decode ends at the lower of reading and arithmetic, products below the highest rate there is.
    return max(shares.values()) if "read" in shares else min(shares.values())


def gather(files, ceiling, relative):
    series = collections.defaultdict(dict)
    for file in files:
        for record in json.loads(pathlib.Path(file).read_text())["records"]:
            if "best" in record and length_of(record):
                series[series_of(record)][length_of(record)] = record["best"] if relative else share_of(record, ceiling)
    if relative:
        for points in series.values():
            top = max(points.values())
            points.update({length: rate / top for length, rate in points.items()})
    return {name: sorted(points.items()) for name, points in sorted(series.items())}


class Picture:
    def __init__(self, series, title):
        lengths = [length for points in series.values() for length, _ in points]
        self.low, self.high = min(lengths), max(max(lengths), 2 * min(lengths))
        self.top = max(1.0, math.ceil(10 * max(share for points in series.values() for _, share in points)) / 10)
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
                      f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', f'<text x="{LEFT}" y="22" font-size="14">{title}</text>']

    def x(self, length):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(length / self.low) / math.log(self.high / self.low)

    def y(self, share):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share / self.top

    def axes(self):
        length = self.low
        while length <= self.high:
            label = f"{length // 1024}k" if length % 1024 == 0 else str(length)
            self.parts.append(f'<text x="{self.x(length):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>')
            length *= 2
        for tenth in range(0, round(10 * self.top) + 1, 2):
            y = self.y(tenth / 10)
            self.parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
            self.parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10 * tenth} %</text>')
        self.parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">keys</text>')

    def line(self, index, name, points):
        color, y = COLORS[index % len(COLORS)], TOP + 10 + 18 * index
        path = " ".join(f"{self.x(length):.1f},{self.y(share):.1f}" for length, share in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        self.parts += [f'<circle cx="{self.x(length):.1f}" cy="{self.y(share):.1f}" r="3" fill="{color}"><title>{name}, {length}: '
                       f'{100 * share:.1f} %</title></circle>' for length, share in points]
        self.parts.append(f'<text x="{WIDTH - RIGHT + 12}" y="{y}" fill="{color}">{name}</text>')

    def text(self):
        return "\n".join(self.parts + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--ceiling", help="a name in the records' share, such as fma256 or read")
    parser.add_argument("--relative", action="store_true")
    parser.add_argument("--title", default="")
    args = parser.parse_args()
    series = gather(args.results, args.ceiling, args.relative)
    if not series:
        sys.exit("expected records of benchmarks/cpu.py whose cases end in _s<length>, found none")
    picture = Picture(series, args.title or ("share of the fastest length" if args.relative else "share of the ceiling"))
    picture.axes()
    for index, (name, points) in enumerate(series.items()):
        picture.line(index, name, points)
    pathlib.Path(args.output).write_text(picture.text())


if __name__ == "__main__":
    main()
