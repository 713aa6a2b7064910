#!/usr/bin/env python3
"""Prints the table of docs/data.md from a corpus folder: scripts/data_table.py FOLDER"""
import json
import math
import sys
from collections import Counter
from pathlib import Path


def row(folder, domain):
    splits = domain["splits"]
    sizes = [f"{splits[s]['tokens'] / 1024:.0f}" if s in splits else "–"
             for s in ("train", "select", "shadow", "final")]
    text = (folder / splits.get("train", splits["final"])["file"]).read_bytes()[::2]
    counts = Counter(text)
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
    ascii_share = sum(n for byte, n in counts.items() if byte < 128) / len(text)
    overlap = "–" if domain["final_only"] else f"{domain['overlap_ppm'] / 1e4:.1f} %"
    documents = sum(s["documents"] for s in splits.values())
    packages = ", ".join(f"`{p['package']}` {p['version']}" for p in domain["sources"])
    return [domain["name"], *sizes, str(documents), overlap, f"{entropy:.2f}",
            f"{100 * ascii_share:.0f} %", packages]


def main():
    folder = Path(sys.argv[1])
    manifest = json.loads((folder / "manifest.json").read_text())
    print("| domain | train | select | shadow | final | documents | overlap | bits/byte | ASCII |"
          " made from |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|---|")
    for domain in manifest["domains"]:
        print("| " + " | ".join(row(folder, domain)) + " |")
    print(f"\n{manifest['tokens']} tokens")


main()
