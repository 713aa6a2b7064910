#!/usr/bin/env python3
"""Records what real PyTorch makes of texts in the loss language: value, gradient, bias.

It shares no code with the interpreter, so agreement is evidence. Needs an importable torch (2.11 was
used) and numpy:

    python3 -m venv venv && venv/bin/pip install torch==2.11.0 numpy
    venv/bin/python tests/golden/make_golden.py

It rewrites tests/golden/data/*.json from the texts in this folder (ops.py, random_sources.json), from
candidate/losses/*.py and from the recorded replies of a small model (replies.json). Every case runs in
float32 and float64, on one thread. Arrays are stored as base64 of little-endian bytes.
"""
import base64
import json
import math
import pathlib
import sys
import warnings

import numpy
import torch
import torch.nn.functional as F

import ops
import states

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DTYPES = {"f32": torch.float32, "f64": torch.float64}


class Router:
    """The record `r`: fields as docs/design.md, section 3, defines them."""


def make_router(state, dtype):
    def tensor(values):
        return torch.tensor(values, dtype=dtype)

    r = Router()
    r.logits = tensor(state["logits"]).requires_grad_(True)
    tokens, experts = r.logits.shape
    k = state["top_k"]
    if state.get("gate", "softmax") == "softmax":
        r.scores = F.softmax(r.logits, dim=-1)
        r.probs = r.scores
    else:
        r.scores = torch.sigmoid(r.logits)
        r.probs = r.scores / r.scores.sum(-1, keepdim=True)
    bias = tensor(state["bias"]) if "bias" in state else torch.zeros(experts, dtype=dtype)
    r.chosen = torch.zeros(tokens, experts, dtype=dtype)
    selection = (r.scores + bias).tolist()
    for t in range(tokens):
        best = sorted(range(experts), key=lambda e: (-selection[t][e], e))[:k]
        r.chosen[t, best] = 1
    r.load = r.chosen.sum(0) / (tokens * k)
    mean = r.probs.mean(0)
    if "probs_global" in state:
        r.probs_global = mean + (tensor(state["probs_global"]) - mean).detach()
    else:
        r.probs_global = mean
    for name in ("load_global", "load_ema"):
        setattr(r, name, tensor(state[name]) if name in state else r.load.clone())
    r.cost = tensor(state.get("cost", [1.0] * experts))
    r.is_null = tensor(state.get("is_null", [0.0] * experts))
    r.device = tensor(state.get("device", [[1.0]] * experts))
    r.num_experts, r.num_sequences, r.top_k = experts, state.get("num_sequences", 1), k
    r.progress, r.depth = float(state.get("progress", 0)), float(state.get("depth", 0))
    return r, bias


def encode(tensor):
    array = numpy.ascontiguousarray(tensor.detach().numpy(force=True))
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()


def to_default_dtype(tensor):
    """What `.float()` means in the language, which ignores dtypes: to the record's own float type."""
    return tensor.to(torch.get_default_dtype())


def run(functions, state, name):
    """What both hooks give at one state, in both types."""
    out = {}
    for key, dtype in DTYPES.items():
        torch.set_default_dtype(dtype)
        r, bias = make_router(state, dtype)
        result = {}
        if "balance_loss" in functions:
            value = functions["balance_loss"](r)
            if not isinstance(value, torch.Tensor):
                value = torch.tensor(float(value), dtype=dtype)
            if value.shape != () or value.dtype != dtype:
                raise ValueError(f"{name}: the loss is {value.dtype} of shape {tuple(value.shape)}")
            grad = torch.zeros_like(r.logits)
            if value.requires_grad:
                (found,) = torch.autograd.grad(value, [r.logits], allow_unused=True)
                grad = grad if found is None else found
            result["value"], result["grad"] = encode(value), encode(grad)
        if "selection_bias" in functions:
            with torch.no_grad():
                result["bias"] = encode(functions["selection_bias"](r, bias))
        out[key] = result
    return out


def compile_text(source):
    """The hooks that a text defines."""
    scope = {"torch": torch, "F": F, "math": math}
    exec(compile(source, "<candidate>", "exec"), scope)  # noqa: S102: our own texts and recorded replies
    return {name: scope[name] for name in ("balance_loss", "selection_bias") if name in scope}


def case(name, source, state_names):
    functions = compile_text(source)
    if not functions:
        raise ValueError(f"{name}: defines neither balance_loss nor selection_bias")
    runs = {s: run(functions, states.STATES[s], name) for s in state_names}
    return {"name": name, "source": source, "runs": runs}


def shipped():
    folder = ROOT / "candidate" / "losses"
    return [case(p.stem, p.read_text(), states.ALL) for p in sorted(folder.glob("*.py"))]


def one_op_each():
    return [case(name, source, states.PAIR) for name, source in ops.cases()]


def replies():
    """Those of the recorded replies that PyTorch runs to a 0-dim float; see replies.json."""
    out = []
    for entry in json.loads((HERE / "replies.json").read_text()):
        if entry.get("excluded"):
            continue
        out.append(case(f"reply {entry['reply']}", entry["source"], states.FEW))
    return out


def decode(text, key):
    return numpy.frombuffer(base64.b64decode(text), dtype="<f4" if key == "f32" else "<f8").astype(float)


def well_conditioned(recorded):
    """Whether float32 and float64 agree to 1e-3: else what is recorded is rounding noise."""
    for runs in recorded["runs"].values():
        for name in runs["f64"]:
            exact, single = decode(runs["f64"][name], "f64"), decode(runs["f32"][name], "f32")
            if not (numpy.isfinite(exact) == numpy.isfinite(single)).all():
                return False
            finite = numpy.isfinite(exact)
            if finite.any() and abs(exact - single)[finite].max() > 1e-3 * abs(exact[finite]).max():
                return False
    return True


def random_texts():
    """Random graphs and mutants (random_sources.cpp) that PyTorch runs, the first hundred of each."""
    out, counts, skipped = [], {}, {}
    for kind, source in json.loads((HERE / "random_sources.json").read_text()):
        if counts.get(kind, 0) == 100:
            continue
        name = f"{kind} {counts.get(kind, 0)}"
        try:
            recorded = case(name, source, states.PAIR)
            why = "" if well_conditioned(recorded) else "ill-conditioned"
        except (RuntimeError, ValueError, IndexError, TypeError, ArithmeticError) as error:
            why = f"{type(error).__name__}: {str(error).splitlines()[0][:90]}"
        if why:
            skipped[why] = skipped.get(why, 0) + 1
            continue
        counts[kind] = counts.get(kind, 0) + 1
        out.append(recorded)
    for why, n in sorted(skipped.items(), key=lambda item: -item[1]):
        print(f"  skipped {n} random texts: {why}")
    return out


def write(name, value):
    path = HERE / "data" / f"{name}.json"
    path.write_text(json.dumps(value, indent=0, separators=(",", ":"), sort_keys=True) + "\n")
    return path.stat().st_size


def main():
    torch.set_num_threads(1)
    torch.Tensor.float = to_default_dtype
    warnings.simplefilter("ignore")
    groups = {"shipped": shipped, "ops": one_op_each, "replies": replies, "random": random_texts}
    total = write("states", states.STATES)
    for name, make in groups.items():
        cases = make()
        size = write(name, cases)
        total += size
        print(f"{name}: {len(cases)} cases, {sum(len(c['runs']) for c in cases)} runs, {size / 1e3:.0f} kB")
    print(f"torch {torch.__version__}: {total / 1e6:.2f} MB in all")


if __name__ == "__main__":
    sys.exit(main())
