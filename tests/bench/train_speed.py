#!/usr/bin/env python3
"""Tokens per second of a full training step: ballast-trainer beside the same model in eager PyTorch.

Run it with the Python of a virtual environment that has torch and numpy (never part of set-up or CI):

    VENV/bin/python tests/bench/train_speed.py [--trainer build/release/ballast-trainer]

Both sides get one thread, the same initial weights, batches and schedule, AdamW (PyTorch's fused one)
and the global-batch load-balancing loss; before anything is timed, their losses must agree over the
first steps. The two alternate (A B A B ...) and the median of the paired ratios is printed, by the wall
clock and by processor time (the one to trust on a machine that does other things too). The peer is what
people write: modules, autograd, a loop over experts as in `transformers`.
"""
import argparse
import json
import math
import pathlib
import platform
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

PRESETS = {  # common/spec.cpp
    "tiny": dict(width=64, layers=3, experts=16, top_k=2, expert_width=64, heads=4, learning_rate=4e-3),
    "small": dict(width=128, layers=4, experts=16, top_k=2, expert_width=256, heads=8, learning_rate=2e-3),
}
VOCABULARY, LENGTH, SEQUENCES, MICRO_BATCHES = 256, 128, 2, 4
STEP_TOKENS = LENGTH * SEQUENCES * MICRO_BATCHES
COEFFICIENT, SEED = 0.1, 1
DOMAINS = ["a", "b", "c", "d"]


# --- The same batches: common/rng.cpp and trainer/batches.cpp ------------------------------------

MASK = (1 << 64) - 1


class Rng:
    """xoshiro256**, seeded as common/rng.cpp does."""

    def __init__(self, seed, purpose, stream):
        def splitmix(x):
            x = (x + 0x9E3779B97F4A7C15) & MASK
            z = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
            return x, z ^ (z >> 31)

        spread = 0xCBF29CE484222325
        for c in purpose.encode():
            spread = ((spread ^ c) * 0x100000001B3) & MASK
        mixed = splitmix(seed)[1] ^ spread
        mixed = splitmix(mixed)[1] ^ stream
        self.state = []
        for _ in range(4):
            mixed, word = splitmix(mixed)
            self.state.append(word)

    def below(self, n):
        limit = MASK - MASK % n
        while True:
            s = self.state
            turn = lambda x, k: ((x << k) | (x >> (64 - k))) & MASK
            x = (turn((s[1] * 5) & MASK, 7) * 9) & MASK
            t = (s[1] << 17) & MASK
            s[2] ^= s[0]
            s[3] ^= s[1]
            s[1] ^= s[2]
            s[0] ^= s[3]
            s[2] ^= t
            s[3] = turn(s[3], 45)
            if x < limit:
                return x % n


def micro_batch(corpus, step, micro):
    index, n = step * MICRO_BATCHES + micro, len(corpus)
    rng, order = Rng(SEED, "domains", index // n), list(range(n))
    for i in range(n - 1, 0, -1):
        j = rng.below(i + 1)
        order[i], order[j] = order[j], order[i]
    tokens = corpus[order[index % n]]
    rng = Rng(SEED, "sequences", index)
    starts = [rng.below(len(tokens) - LENGTH) for _ in range(SEQUENCES)]
    rows = np.stack([tokens[s : s + LENGTH + 1] for s in starts])
    return torch.from_numpy(rows[:, :-1].copy()), torch.from_numpy(rows[:, 1:].copy())


# --- The peer: eager PyTorch ------------------------------------------------------------------------


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        head = width // heads
        rate = 10000.0 ** (-torch.arange(0, head, 2) / head)
        angle = torch.outer(torch.arange(LENGTH), rate)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def rotate(self, x):
        a, b = x.chunk(2, -1)
        return torch.cat([a * self.cos - b * self.sin, b * self.cos + a * self.sin], -1)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).unbind(2)
        q, k, v = (y.transpose(1, 2) for y in (q, k, v))
        y = F.scaled_dot_product_attention(self.rotate(q), self.rotate(k), v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(batch, length, width))


class Expert(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        gate, up = self.up(x).chunk(2, -1)
        return self.down(F.silu(gate) * up)


class Moe(nn.Module):
    """Loop over experts, as transformers' MixtralSparseMoeBlock."""

    def __init__(self, width, experts, top_k, hidden):
        super().__init__()
        self.top_k = top_k
        self.router = nn.Linear(width, experts, bias=False)
        self.experts = nn.ModuleList(Expert(width, hidden) for _ in range(experts))

    def forward(self, x):
        flat = x.view(-1, x.shape[-1])
        probs = F.softmax(self.router(flat), dim=1)
        weights, chosen = torch.topk(probs, self.top_k, dim=-1)
        weights = weights / weights.sum(-1, keepdim=True)
        mask = F.one_hot(chosen, num_classes=len(self.experts)).permute(2, 1, 0)
        out = torch.zeros_like(flat)
        for i, expert in enumerate(self.experts):
            slot, token = torch.where(mask[i])
            out.index_add_(0, token, expert(flat[token]) * weights[token, slot, None])
        return out.view_as(x), probs, mask.sum((1, 2))


class Layer(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.norm1, self.norm2 = RmsNorm(p["width"]), RmsNorm(p["width"])
        self.attention = Attention(p["width"], p["heads"])
        self.moe = Moe(p["width"], p["experts"], p["top_k"], p["expert_width"])

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        y, probs, counts = self.moe(self.norm2(x))
        return x + y, probs, counts


class Model(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, p["width"])
        self.layers = nn.ModuleList(Layer(p) for _ in range(p["layers"]))
        self.norm = RmsNorm(p["width"])
        self.head = nn.Linear(p["width"], VOCABULARY, bias=False)

    def forward(self, tokens, targets):
        x, routers = self.embedding(tokens), []
        for layer in self.layers:
            x, probs, counts = layer(x)
            routers.append((probs, counts))
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.view(-1, VOCABULARY), targets.reshape(-1)), routers


def load(model, weights):
    """Fills the model from ballast-trainer's tensors, which are stored (in, out)."""
    with torch.no_grad():
        model.embedding.weight.copy_(weights["embedding"])
        model.head.weight.copy_(weights["head"].t())
        model.norm.weight.copy_(weights["final_norm"])
        for i, layer in enumerate(model.layers):
            at = lambda name: weights[f"layers.{i}.{name}"]
            layer.norm1.weight.copy_(at("norm1"))
            layer.norm2.weight.copy_(at("norm2"))
            layer.attention.qkv.weight.copy_(at("qkv").t())
            layer.attention.out.weight.copy_(at("attention_out").t())
            layer.moe.router.weight.copy_(at("router").t())
            for e, expert in enumerate(layer.moe.experts):
                expert.up.weight.copy_(at("expert_up")[e].t())
                expert.down.weight.copy_(at("expert_down")[e].t())


class Peer:
    def __init__(self, preset, weights, corpus, total_steps):
        self.p, self.corpus, self.total = PRESETS[preset], corpus, total_steps
        self.model = Model(self.p)
        load(self.model, weights)
        matrices = [w for w in self.model.parameters() if w.dim() > 1]
        gains = [w for w in self.model.parameters() if w.dim() == 1]
        self.optimizer = torch.optim.AdamW(
            [dict(params=matrices, weight_decay=0.1), dict(params=gains, weight_decay=0.0)],
            lr=1e-3, betas=(0.9, 0.95), eps=1e-8, fused=True)

    def rate(self, step):
        warm = min(1.0, (step + 1) / max(1.0, 0.1 * self.total))
        cool = 0.1 + 0.9 * min(1.0, (self.total - 1 - step) / max(1.0, 0.4 * self.total))
        return self.p["learning_rate"] * min(warm, cool)

    def step(self, step):
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(step)
        passes = [self.model(*micro_batch(self.corpus, step, m)) for m in range(MICRO_BATCHES)]
        loss = sum(ce for ce, _ in passes) / MICRO_BATCHES
        for layer in range(self.p["layers"]):
            counts = sum(routers[layer][1] for _, routers in passes)
            load = counts / counts.sum()
            for _, routers in passes:
                balance = self.p["experts"] * (load * routers[layer][0].mean(0)).sum()
                loss = loss + COEFFICIENT * balance / (self.p["layers"] * MICRO_BATCHES)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return float(sum(ce.detach() for ce, _ in passes) / MICRO_BATCHES)


# --- ballast-trainer ----------------------------------------------------------------------------------


class Trainer:
    def __init__(self, program, preset, folder):
        self.preset, self.folder = preset, folder
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def cpu_seconds(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) / 1e9

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def receive(self):
        header = self.process.stdout.read(4)
        if len(header) < 4:
            sys.exit("ballast-trainer ended unexpectedly")
        return self.process.stdout.read(struct.unpack("<I", header)[0])

    def train(self, steps, learning_rate=None):
        p = dict(PRESETS[self.preset])
        peak = p.pop("learning_rate")
        model = dict(p, vocab=VOCABULARY, null_experts=0, shared_experts=0, dense_layers=0, gate="softmax",
                     renormalise=True)
        schedule = dict(sequence=LENGTH, sequences=SEQUENCES, micro_batches=MICRO_BATCHES, window="step",
                        learning_rate=learning_rate or peak, weight_decay=0.1, beta1=0.9, beta2=0.95,
                        warmup=0.1, decay=0.4, bias_rate=0.02)
        job = dict(v=1, kind="train", attempt=1,
                   spec=dict(preset=self.preset, model=model, schedule=schedule, data_hash="", score_tokens=65536),
                   data=dict(folder=self.folder, split="train", domains=DOMAINS), builtin="global_lbl", source="",
                   coefficient=COEFFICIENT, unit=1.0, seed=SEED, tokens=steps * STEP_TOKENS,
                   progress_tokens=steps * STEP_TOKENS, device="cpu", curve_points=steps)
        frame = json.dumps(job).encode()
        self.process.stdin.write(struct.pack("<I", len(frame)) + frame)
        self.process.stdin.flush()
        while (reply := json.loads(self.receive()))["kind"] == "progress":
            pass
        if reply["outcome"] != "OK":
            sys.exit(f"ballast-trainer: {reply['outcome']} {reply['message']}")
        size = sum(4 * math.prod(t["shape"]) for t in reply["tensors"])
        raw = b""
        while len(raw) < size:
            raw += self.receive()
        weights, at = {}, 0
        for t in reply["tensors"]:
            n = math.prod(t["shape"])
            weights[t["name"]] = torch.frombuffer(bytearray(raw[at : at + 4 * n]), dtype=torch.float32).view(t["shape"])
            at += 4 * n
        return reply["metrics"], weights


# --- The comparison ---------------------------------------------------------------------------------


def write_corpus(folder):
    """Four domains of 100,000 tokens: Markov chains over different parts of the byte range."""
    corpus = []
    for d, name in enumerate(DOMAINS):
        rng = np.random.default_rng(d)
        table = rng.integers(0, 64, size=(64, 4))
        tokens, at = np.empty(100_000, dtype="<u2"), 0
        for i, pick in enumerate(rng.integers(0, 4, size=len(tokens))):
            at = table[at, pick]
            tokens[i] = at + 48 * d
        tokens.tofile(pathlib.Path(folder) / f"{name}.train.bin")
        corpus.append(tokens.astype(np.int64))
    return corpus


def check_agreement(trainer, preset, corpus, steps=20):
    _, initial = trainer.train(1, learning_rate=1e-30)  # one step that changes nothing
    ours = trainer.train(steps)[0]["arrays"]["train_curve_cross_entropy"]
    peer = Peer(preset, initial, corpus, steps)
    theirs = [peer.step(i) for i in range(steps)]
    worst = max(abs(a - b) / b for a, b in zip(ours, theirs))
    print(f"{preset}: loss after {steps} steps {ours[-1]:.5f} (ours) {theirs[-1]:.5f} (eager); "
          f"largest relative difference of any step {worst:.1e}")
    if worst > 1e-4:
        sys.exit("the two do not train the same model: nothing is timed")
    return initial


def compare(program, preset, folder, corpus, rounds, seconds):
    trainer = Trainer(program, preset, folder)
    initial = check_agreement(trainer, preset, corpus)
    peer = Peer(preset, initial, corpus, 1_000_000)
    peer.step(0)
    start = time.perf_counter()
    peer.step(1)
    peer_steps = max(1, int(seconds / (time.perf_counter() - start)))
    rate = trainer.train(5)[0]["scalars"]["tokens_per_second"]
    our_steps = max(5, int(seconds * rate / STEP_TOKENS))
    wall, cpu = ([], []), ([], [])  # tokens per second: ours, theirs
    for _ in range(rounds):
        start, start_cpu = time.perf_counter(), trainer.cpu_seconds()
        trainer.train(our_steps)
        wall[0].append(our_steps * STEP_TOKENS / (time.perf_counter() - start))
        cpu[0].append(our_steps * STEP_TOKENS / (trainer.cpu_seconds() - start_cpu))
        start, start_cpu = time.perf_counter(), time.process_time()
        for step in range(peer_steps):
            peer.step(step)
        wall[1].append(peer_steps * STEP_TOKENS / (time.perf_counter() - start))
        cpu[1].append(peer_steps * STEP_TOKENS / (time.process_time() - start_cpu))
    trainer.close()
    for clock, (ours, theirs) in (("wall", wall), ("processor", cpu)):
        ratios = [a / b for a, b in zip(ours, theirs)]
        print(f"{preset}, {clock} time: ours {statistics.median(ours):,.0f} tokens/s, "
              f"eager {statistics.median(theirs):,.0f} tokens/s; ratio {statistics.median(ratios):.2f} "
              f"(median of {rounds} pairs, {min(ratios):.2f} to {max(ratios):.2f})", flush=True)


def matrix_speed(m=256, k=64, n=192):
    """GFLOP/s of torch.mm at the shape of preset tiny's largest dense product."""
    a, b, best = torch.randn(m, k), torch.randn(k, n), math.inf
    for _ in range(20):
        start = time.process_time()
        for _ in range(200):
            torch.mm(a, b)
        best = min(best, (time.process_time() - start) / 200)
    return 2e-9 * m * k * n / best


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trainer", default=str(root / "build/release/ballast-trainer"))
    parser.add_argument("--presets", nargs="+", default=["tiny", "small"], choices=PRESETS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="of each side in each round")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    version = subprocess.run([options.trainer, "--version"], capture_output=True, text=True, check=True)
    library = "MKL" if torch.backends.mkl.is_available() else "OpenBLAS or none"
    print(f"{cpu_name()}, {platform.machine()}; one thread each")
    print(f"ours: {version.stdout.strip()}")
    print(f"eager: torch {torch.__version__}, matrix products by {library}, "
          f"{matrix_speed():.0f} GFLOP/s at 256x64x192")
    with tempfile.TemporaryDirectory() as folder:
        corpus = write_corpus(folder)
        for preset in options.presets:
            compare(options.trainer, preset, folder, corpus, options.rounds, options.seconds)


if __name__ == "__main__":
    main()
