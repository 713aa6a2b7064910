#!/usr/bin/env python3
"""Writes orchestrator/llm/prices.def from the package genai-prices, in a virtual environment of its own.

usage: scripts/update_prices.py [--version X.Y.Z] [--date YYYY-MM-DD] [--check]

  --version  of genai-prices (default: the one named in this script)
  --date     for which prices hold (default: today); prices announced for later are left out
  --check    write nothing; exit 1 if the table would change

What is taken: the standard rate of text tokens per million: input, cache read, cache write (5 minutes
and 1 hour), output, and the tier for long prompts. Of several prices that depend on the hour the
highest is taken. A model is left out, and so refused by Ballast until the user gives a price, where
the data hold something else that a plain text call would be charged for, or more than one tier.
"""
import argparse
import datetime
import pathlib
import subprocess
import sys
import tempfile

VERSION = "0.2.3"
ROOT = pathlib.Path(__file__).resolve().parents[1]
TABLE = ROOT / "orchestrator/llm/prices.def"

# Provider of the package -> ours (orchestrator/llm/model.h); what its models' names start with.
PROVIDERS = {
    "openai": ("kOpenAiChat", ""),
    "anthropic": ("kAnthropic", ""),
    "google": ("kGemini", "gemini"),
    "deepseek": ("kDeepSeek", ""),
    "openrouter": ("kOpenRouter", ""),
}
FIELDS = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok", "output_mtok")
# Charged only for what Ballast never sends or asks for.
HARMLESS = ("audio", "image", "video", "web_search", "search", "character", "file")

HEAD = """\
// Prices of language models: genai-prices {version} (PyPI, MIT), as of {date}.
// Made by scripts/update_prices.py; do not edit: `price` of a model in the models file comes first.
//
//   PRICE(provider, name, input, cache read, cache write, the same for 1 hour, output)
//   LONG(provider, name, above, input, cache read, cache write, the same for 1 hour, output)
//
// USD per million tokens. LONG holds for all tokens of a call whose prompt is longer than `above`.
#if !defined(PRICE) || !defined(LONG)
#error "define PRICE and LONG before including prices.def"
#endif
#ifdef PRICES_DATE
PRICES_DATE("{date}", "genai-prices {version}")
#endif
"""


def names(model):
    """Names that the package holds for this model's, as far as they are exact or prefixes."""
    found = [model.id]

    def walk(clause):
        kind = type(clause).__name__
        if kind == "ClauseEquals":
            found.append(clause.equals)
        elif kind == "ClauseStartsWith":
            found.append(clause.starts_with)
        elif kind == "ClauseOr":
            for inner in clause.or_:
                walk(inner)

    walk(model.match)
    return list(dict.fromkeys(found))


def prices_at(model, date):
    """All prices that hold at some hour of that day: the base, or the last that had started."""
    if not isinstance(model.prices, list):
        return [model.prices]
    holds, by_hour = None, []
    for entry in model.prices:
        kind = type(entry.constraint).__name__
        if kind == "NoneType":
            holds = entry.prices
        elif kind == "StartDateConstraint":
            if entry.constraint.start_date <= date:
                holds = entry.prices
        elif kind == "TimeOfDateConstraint":
            by_hour.append(entry.prices)
        else:
            return None
    return [holds] + by_hour


def flat(price):
    """(rates, above, long rates) or None where the price is more than that."""
    values = {k: v for k, v in vars(price).items() if v is not None and not k.startswith("_")}
    for key in values:
        if key not in FIELDS and not any(word in key for word in HARMLESS):
            return None
    if "input_mtok" not in values:
        return None
    base, long, above = {}, {}, set()
    for key in FIELDS:
        value = values.get(key)
        if value is None:
            continue
        if hasattr(value, "tiers"):
            if len(value.tiers) != 1:
                return None
            base[key], long[key] = value.base, value.tiers[0].price
            above.add(value.tiers[0].start)
        else:
            base[key] = long[key] = value
    if len(above) > 1:
        return None
    return complete(base), (above.pop() if above else 0), complete(long)


def complete(rates):
    """Where a cache has no price of its own, its tokens cost what fresh ones do."""
    read, write, write_1h = (rates.get(k) for k in FIELDS[1:4])
    full = rates["input_mtok"]
    write = full if write is None else write
    return [float(x) for x in (full, full if read is None else read, write,
                               write if write_1h is None else write_1h, rates.get("output_mtok") or 0)]


def row_of(model, date):
    prices = prices_at(model, date)
    if not prices or any(p is None for p in prices):
        return None
    flats = [flat(p) for p in prices]
    if any(f is None for f in flats) or len({f[1] for f in flats}) > 1:
        return None
    highest = lambda rows: [max(column) for column in zip(*rows)]
    base, long = highest([f[0] for f in flats]), highest([f[2] for f in flats])
    if base[4] == 0 and base[0] > 0 and "embed" not in model.id:
        return None  # no price of output
    return base, flats[0][1], long


def number(x):
    return f"{x:.10g}"


def table(data, version, date):
    lines = [HEAD.format(version=version, date=date)]
    left_out = 0
    for provider in data.providers:
        if provider.id not in PROVIDERS:
            continue
        ours, prefix = PROVIDERS[provider.id]
        rows = {}
        for model in provider.models:
            row = row_of(model, date)
            for name in names(model):
                if not name.startswith(prefix) or any(c in name for c in '"\\\n'):
                    continue
                # The package takes the first model that matches: a name belongs to that one alone.
                if provider.find_model(name) is not model:
                    continue
                if row is None:
                    left_out += 1
                    print(f"left out: {provider.id} {name}", file=sys.stderr)
                else:
                    rows[name] = row
        for name in sorted(rows):
            base, above, long = rows[name]
            lines.append(f'PRICE({ours}, "{name}", {", ".join(map(number, base))})\n')
            if above:
                lines.append(f'LONG({ours}, "{name}", {above}, {", ".join(map(number, long))})\n')
    lines.append("\n#undef PRICE\n#undef LONG\n")
    print(f"{sum(line.startswith('PRICE(') for line in lines)} prices, {left_out} names left out",
          file=sys.stderr)
    return "".join(lines)


def in_environment(version, arguments):
    """Runs this script again with the package installed in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        python = pathlib.Path(folder, "bin/python")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "-q", "install", f"genai-prices=={version}"], check=True)
        return subprocess.run([python, __file__, "--inside", *arguments]).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--version", default=VERSION)
    parser.add_argument("--date", type=datetime.date.fromisoformat, default=datetime.date.today())
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.inside:
        return in_environment(given.version, sys.argv[1:])
    from genai_prices import data  # only here: the package is in the environment alone

    text = table(data, given.version, given.date)
    if given.check:
        return 0 if TABLE.read_text() == text else 1
    TABLE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
