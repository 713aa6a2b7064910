#!/usr/bin/env python3
"""Finds the coefficient at which each built-in balancer does best, and prints the [coefficient]
table for a configuration. Trains `ballast train` at a ladder of coefficients (factors of 2 around the
configured one, extended while the best lies on an edge) at the tokens of the second rung, on seeds
that no search uses; compares the mean objective over seeds.

usage: scripts/tune_builtins.py [-c FILE] [--seeds N] [--only NAME] [--ballast PROGRAM] [key=value ...]
"""
import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIRST_SEED = 2**33  # the search's own seeds are below 2^32 (orchestrator/seeds.h)
FACTOR = 2
WIDTH = 2  # steps of the ladder on either side to start with
MOST = 12  # coefficients of one balancer


def run(ballast, *arguments):
    done = subprocess.run([ballast, *arguments], capture_output=True, text=True)
    if done.returncode != 0 and not done.stdout:
        sys.exit(done.stderr.strip())
    return json.loads(done.stdout)


class Ladder:
    """Mean objectives of one balancer by step: the coefficient is start * FACTOR ** step."""

    def __init__(self, name, start):
        self.name, self.start, self.scores = name, start, {}

    def coefficient(self, step):
        return float(f"{self.start * FACTOR ** step:.4g}")

    def wanted(self):
        if not self.scores:
            return list(range(-WIDTH, WIDTH + 1))
        if len(self.scores) >= MOST:
            return []
        best = self.best()
        return [s for s in (best - 1, best + 1) if s not in self.scores]

    def best(self):
        return min(self.scores, key=lambda step: self.scores[step])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-c", "--config")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", action="append", help="this balancer (may be repeated)")
    parser.add_argument("--ballast", default=ROOT / "build/release/ballast")
    parser.add_argument("settings", nargs="*", metavar="key=value")
    given = parser.parse_args()
    common = (["-c", given.config] if given.config else []) + given.settings

    config = run(given.ballast, "config", "--json", *common)
    tokens = config["rungs"]["tokens"][1]
    workers = config["workers"] or len(os.sched_getaffinity(0))
    names = given.only or [n for n in config["builtins"] if n != "none"]

    def train(job):
        name, coefficient, seed = job
        result = run(given.ballast, "train", "--loss", name, "--seed", str(seed), "--json",
                     *common, f"tokens={tokens}", f"coefficient={coefficient}")
        score = result["objective"]
        return math.inf if isinstance(score, str) else score, result

    print(f"# {tokens} tokens, {given.seeds} seeds, objective {config['objective']}", file=sys.stderr)
    ladders = [Ladder(name, config["coefficient"][name]) for name in names]
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        while True:
            steps = [(ladder, step) for ladder in ladders for step in ladder.wanted()]
            if not steps:
                break
            seeds = range(FIRST_SEED, FIRST_SEED + given.seeds)
            jobs = [(ladder.name, ladder.coefficient(step), seed) for ladder, step in steps for seed in seeds]
            results = list(pool.map(train, jobs))
            for i, (ladder, step) in enumerate(steps):
                rows = results[i * given.seeds:(i + 1) * given.seeds]
                ladder.scores[step] = statistics.mean(score for score, _ in rows)
                mean = {key: statistics.mean(r.get(key, math.nan) for _, r in rows)
                        for key in ("cross_entropy", "max_vio_global")}
                print(f"# {ladder.name:12} {ladder.coefficient(step):<8g} objective {ladder.scores[step]:.4f}  "
                      f"cross-entropy {mean['cross_entropy']:.4f}  MaxVio {mean['max_vio_global']:.3f}",
                      file=sys.stderr, flush=True)
    print("[coefficient]")
    for ladder in ladders:
        print(f"{ladder.name} = {ladder.coefficient(ladder.best())}")


if __name__ == "__main__":
    main()
