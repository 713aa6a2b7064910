#!/usr/bin/env python3
"""Checks the parser against real PyTorch: needs an importable torch, so it is no part of CI.

For each expression of data/accepted.txt: PyTorch must run it, and what our parser prints of its graph
(valid PyTorch again) must give the same value and the same gradients. Usage:

    check_with_pytorch.py PRINTER [FILE ...]

PRINTER is a program that reads a source on its standard input and writes print(parse(source)), or a line
that starts with "REJECT" and exits with 3 (tests/candidate/print_program.cpp). FILEs are whole sources, or several in one after lines "### name".
"""
import math, pathlib, subprocess, sys, warnings
import torch
import torch.nn.functional as F

warnings.filterwarnings("ignore")
torch.manual_seed(0)
torch.Tensor.float = torch.Tensor.double  # the record is float64 here: what is float stays as exact
HERE = pathlib.Path(__file__).parent
PRELUDE = """
def balance_loss(r):
    x = r.logits
    p = r.probs
    c = r.chosen
    w = r.probs_global
    v = r.load
    d = r.device
    s = p.mean()
    i = x.argmax(1)
    m = x > 0.5
    q = p.t() @ p
    b = p.view(r.num_sequences, -1, r.num_experts)
    y = %s
    return torch.as_tensor(y, dtype=r.logits.dtype).flatten().cumsum(0).sum()
"""


class Record:
    def __init__(self, experts, top_k, sequences, tokens, seed):
        g = torch.Generator().manual_seed(seed)
        self.logits = torch.randn(tokens, experts, generator=g, dtype=torch.float64).requires_grad_()
        self.scores = self.logits.softmax(1)
        self.probs = self.scores / self.scores.sum(1, keepdim=True)
        mean = self.probs.mean(0)
        window = torch.rand(experts, generator=g, dtype=torch.float64).softmax(0)
        self.probs_global = mean + (window - mean).detach()
        self.chosen = F.one_hot(self.scores.topk(top_k, 1).indices, experts).sum(1).double()
        self.load = self.chosen.mean(0) / top_k
        self.load_global = torch.rand(experts, generator=g, dtype=torch.float64).softmax(0)
        self.load_ema = torch.rand(experts, generator=g, dtype=torch.float64).softmax(0)
        self.cost = torch.rand(experts, generator=g, dtype=torch.float64) + 0.5
        self.is_null = torch.zeros(experts, dtype=torch.float64)
        self.device = F.one_hot(torch.arange(experts) % 2, 2).double()
        self.num_experts, self.num_sequences, self.top_k = experts, sequences, top_k
        self.progress, self.depth = 0.37, 0.5


def run(source, record):
    torch.set_default_dtype(torch.float64)
    names = {"torch": torch, "F": F, "math": math}
    exec(source, names)
    out = []
    if "balance_loss" in names:
        value = torch.as_tensor(names["balance_loss"](record), dtype=torch.float64)
        grad = torch.zeros_like(record.logits)
        if value.requires_grad:
            grad = torch.autograd.grad(value, record.logits, retain_graph=True, allow_unused=True)[0]
            grad = torch.zeros_like(record.logits) if grad is None else grad
        out += [value.detach(), grad]
    if "selection_bias" in names:
        with torch.no_grad():
            out.append(names["selection_bias"](record, torch.zeros(record.num_experts, dtype=torch.float64)))
    return out


def close(a, b, source):
    # The record is float64 here; a text that narrows to float32 is compared as such.
    narrow = any(word in source for word in ("float32",))
    rtol = 1e-5 if narrow else 1e-9
    return a.shape == b.shape and torch.allclose(a, b, rtol=rtol, atol=rtol if narrow else 1e-11, equal_nan=True)


def check(printer, label, source):
    done = subprocess.run([printer], input=source, capture_output=True, text=True)
    reply = done.stdout
    try:
        for size in [(16, 2, 2, 24), (8, 1, 1, 10)]:
            record = Record(*size, seed=7)
            expected = run(source, record)
    except Exception as problem:
        expected = problem
    if done.returncode == 3:
        if not isinstance(expected, Exception):
            return f"{label}: PyTorch runs it, we say {reply.strip()}"
        return None
    if isinstance(expected, Exception):
        return f"{label}: we accept it, PyTorch says {expected}"
    for size in [(16, 2, 2, 24), (8, 1, 1, 10)]:
        record = Record(*size, seed=7)
        try:
            ours = run(reply, record)
        except Exception as problem:
            return f"{label}: PyTorch refuses what we print: {problem}\n{reply}"
        expected = run(source, record)
        if len(ours) != len(expected) or not all(close(a, b, source) for a, b in zip(ours, expected)):
            return f"{label}: values differ at {size}\n{reply}"
    return None


def main():
    printer = sys.argv[1]
    cases = []
    for name in sys.argv[2:]:
        for part in ("\n" + open(name).read()).split("\n### ")[0 if name.endswith(".py") else 1:]:
            cases.append((name if name.endswith(".py") else part.split("\n")[0], part if name.endswith(".py") else part.split("\n", 1)[1]))
    if not cases:
        for line in (HERE / "data/accepted.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                cases.append((line, PRELUDE % line))
    problems = [text for text in (check(printer, *case) for case in cases) if text]
    print("\n".join(problems))
    print(f"{len(cases)} cases, {len(problems)} problems")
    sys.exit(1 if problems else 0)


main()
