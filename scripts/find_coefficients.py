#!/usr/bin/env python3
"""Finds the coefficients of the built-in balancers that configs/ ships: trains each on a ladder of
coefficients and prints the mean objective (held-out cross-entropy + mu * MaxVio above the target,
docs/design.md section 5) of each rung. A quarter of an hour on two cores.

usage: scripts/find_coefficients.py [tokens] [seed,seed,...] [NAME=c,c,c ...]
  scripts/find_coefficients.py 480000 1001,1002
  scripts/find_coefficients.py 480000 1001 loss_free=0.05,0.1,0.2
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

BALLAST = pathlib.Path(__file__).resolve().parent.parent / "build/release/ballast"
LADDERS = {
    "global_lbl": [0.02, 0.06, 0.2, 0.6],
    "micro_lbl": [0.03, 0.1, 0.3, 1.0],
    "loss_free": [0.05, 0.1, 0.2, 0.4],
}
MU, TARGET = 0.1, 0.3


def train(name, coefficient, seed, tokens):
    command = [BALLAST, "train", "--loss", name, "--seed", str(seed), f"tokens={tokens}",
               f"coefficient.{name}={coefficient}", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    r = json.loads(done.stdout)
    violation = [max(pair) for pair in zip(r["layer_max_vio_global"], r["train_layer_max_vio_global"])]
    excess = sum(max(0, v - TARGET) for v in violation) / len(violation)
    return r["cross_entropy"] + MU * excess, r["cross_entropy"], r["max_vio_global"]


def main():
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ("-h", "--help"):
        sys.exit(__doc__)
    ladders = {a.split("=")[0]: [float(c) for c in a.split("=")[1].split(",")] for a in arguments if "=" in a}
    plain = [a for a in arguments if "=" not in a]
    tokens = int(plain[0]) if plain else 480_000
    seeds = [int(s) for s in plain[1].split(",")] if len(plain) > 1 else [1001, 1002]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, ladder in (ladders or LADDERS).items():
            runs = {c: [pool.submit(train, name, c, s, tokens) for s in seeds] for c in ladder}
            for c, futures in runs.items():
                results = [f.result() for f in futures]
                mean = [sum(x) / len(x) for x in zip(*results)]
                print(f"{name:12} {c:<8g} objective {mean[0]:.4f}  cross-entropy {mean[1]:.4f}  "
                      f"MaxVio {mean[2]:.3f}  ({len(seeds)} seeds, {tokens} tokens)", flush=True)


if __name__ == "__main__":
    main()
