#!/usr/bin/env python3
"""Records ids and vectors of texts, for trainer/word_piece and trainer/embedder.

It shares no code with them: ids come from Hugging Face's tokenizers, vectors from the encoder written
down here in numpy, in float64. Needs tokenizers (0.22.1 was used) and numpy:

    python3 -m venv venv && venv/bin/pip install --no-deps tokenizers==0.22.1 numpy
    venv/bin/python tests/golden/make_embedding.py [FOLDER]

It writes tests/golden/data/embedding/: a tiny model with random weights, and golden.json. With FOLDER (where
scripts/local-embedding.sh put all-MiniLM-L6-v2) the vectors of that model are recorded as well, else those of
an earlier time are kept.
"""
import base64
import hashlib
import json
import math
import pathlib
import struct
import sys

import numpy
from tokenizers.implementations import BertWordPieceTokenizer

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "data" / "embedding"
MOST = 256
WORDS = """balance loss def return load probs mean sum global num experts r lambda entropy the of weights max
##ing ##s ##ed ##er ##_ un ##balance ##d""".split()

LOSS = (HERE.parent.parent / "candidate" / "losses" / "global_lbl.py").read_text()
TEXTS = [
    "",
    " \t\r\n",
    "def balance_loss(r):\n    return r.num_experts * (r.load_global * r.probs.mean(0)).sum()",
    "Balance LOSSES unbalanced, experts' weights!",
    LOSS,
    "Café naïve Ångström Łódź ÆSIR ß ŽLUŤOUČKÝ kůň",
    "λ = 0.1 × Σ Άλφα Ёлка Й ї",
    "loss — mean… “entropy” §3 ¿load?",
    "专家 load 平衡 x",
    "zero\u200bwidth\u00adjoin\u0007ed\u00a0space\u2003em e\u0301 \ufffd\ufeff",
    "x" * 100 + " " + "x" * 101,
    "emoji \U0001f600 q\U0001f600 ₁ ² ½ ǅ ẞ Ǻ ﬁ",
    "a_b-c 1e-3 0.5 @x #y `z` ~ ^ | <= $ ",
    "\n".join(f"    x{i} = r.load_global[{i}] * {i / 7:.4f} + mean_{i}" for i in range(40)),
]


def float_text(values):
    return base64.b64encode(numpy.asarray(values, "<f4").tobytes()).decode()


def tokenizer_of(folder):
    return BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=True)


def ids_of(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).ids


def load(folder):
    raw = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    tensors = {}
    for name, about in header.items():
        if name != "__metadata__" and about["dtype"] == "F32":
            begin, end = about["data_offsets"]
            values = numpy.frombuffer(raw[8 + length + begin : 8 + length + end], "<f4")
            tensors[name] = values.reshape(about["shape"]).astype(numpy.float64)
    return tensors


class Encoder:
    def __init__(self, folder):
        self.w = load(folder)
        self.config = json.loads((folder / "config.json").read_text())
        self.tokenizer = tokenizer_of(folder)
        self.erf = numpy.vectorize(math.erf, otypes=[float])

    def norm(self, x, name):
        centred = x - x.mean(-1, keepdims=True)
        deviation = numpy.sqrt((centred**2).mean(-1, keepdims=True) + self.config["layer_norm_eps"])
        return centred / deviation * self.w[name + ".weight"] + self.w[name + ".bias"]

    def dense(self, x, name):
        return numpy.einsum("ti,oi->to", x, self.w[name + ".weight"], optimize=True) + self.w[name + ".bias"]

    def layer(self, x, i):
        at = f"encoder.layer.{i}."
        q, k, v = (self.dense(x, f"{at}attention.self.{part}") for part in ("query", "key", "value"))
        size = x.shape[1] // self.config["num_attention_heads"]
        mixed = numpy.zeros_like(x)
        for head in range(self.config["num_attention_heads"]):
            part = slice(head * size, (head + 1) * size)
            logits = q[:, part] @ k[:, part].T / math.sqrt(size)
            weights = numpy.exp(logits - logits.max(-1, keepdims=True))
            mixed[:, part] = weights / weights.sum(-1, keepdims=True) @ v[:, part]
        x = self.norm(x + self.dense(mixed, at + "attention.output.dense"), at + "attention.output.LayerNorm")
        inner = self.dense(x, at + "intermediate.dense")
        inner = 0.5 * inner * (1 + self.erf(inner / math.sqrt(2)))
        return self.norm(x + self.dense(inner, at + "output.dense"), at + "output.LayerNorm")

    def encode(self, ids):
        e = "embeddings."
        x = self.w[e + "word_embeddings.weight"][ids] + self.w[e + "position_embeddings.weight"][: len(ids)]
        x = self.norm(x + self.w[e + "token_type_embeddings.weight"][0], e + "LayerNorm")
        for i in range(self.config["num_hidden_layers"]):
            x = self.layer(x, i)
        return x

    def vector(self, text):
        ids = ids_of(self.tokenizer, text)
        start, end = (self.tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))
        run = min(MOST, self.config["max_position_embeddings"]) - 2
        parts = [ids[i : i + run] for i in range(0, max(1, len(ids)), run)]
        tokens = numpy.concatenate([self.encode([start, *part, end]) for part in parts])
        mean = tokens.mean(0)
        return mean / numpy.linalg.norm(mean)


def tiny_vocabulary():
    symbols = [chr(c) for c in range(33, 127) if not chr(c).isupper()] + list("λσαφßłæø专家—…§²é")
    pieces = ["##" + chr(c) for c in range(97, 123)] + ["##" + str(d) for d in range(10)] + ["##λ", "##φ"]
    all_words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *symbols, *pieces, *WORDS]
    return list(dict.fromkeys(all_words))


def write_tiny(folder):
    config = {"model_type": "bert", "hidden_act": "gelu", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
              "num_attention_heads": 4, "max_position_embeddings": 48, "layer_norm_eps": 1e-12}
    words = tiny_vocabulary()
    random = numpy.random.default_rng(7)
    width, inner = config["hidden_size"], config["intermediate_size"]
    tensors = {}

    def table(name, rows, scale):
        tensors[f"embeddings.{name}.weight"] = scale * random.standard_normal((rows, width))

    def norm(name):
        tensors[name + ".weight"] = 1 + 0.2 * random.standard_normal(width)
        tensors[name + ".bias"] = 0.2 * random.standard_normal(width)

    def dense(name, out, into):
        tensors[name + ".weight"] = random.standard_normal((out, into)) / math.sqrt(into)
        tensors[name + ".bias"] = 0.1 * random.standard_normal(out)

    table("word_embeddings", len(words), 1.0)
    table("position_embeddings", config["max_position_embeddings"], 0.3)
    table("token_type_embeddings", 2, 0.3)
    norm("embeddings.LayerNorm")
    for i in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            dense(f"{at}attention.self.{part}", width, width)
        dense(at + "attention.output.dense", width, width)
        norm(at + "attention.output.LayerNorm")
        dense(at + "intermediate.dense", inner, width)
        dense(at + "output.dense", width, inner)
        norm(at + "output.LayerNorm")
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, values in tensors.items():
        raw = values.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    names = ("config.json", "model.safetensors", "vocab.txt")
    sums = [hashlib.sha256((folder / name).read_bytes()).hexdigest() + "  " + name for name in names]
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n")


def record(folder):
    encoder = Encoder(folder)
    return [{"text": text, "ids": ids_of(encoder.tokenizer, text), "vector": float_text(encoder.vector(text))} for text in TEXTS]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    write_tiny(OUT)
    golden = OUT / "golden.json"
    old = json.loads(golden.read_text()) if golden.exists() else {}
    result = {"tiny": record(OUT), "all-minilm-l6-v2": old.get("all-minilm-l6-v2", [])}
    if len(sys.argv) > 1:
        result["all-minilm-l6-v2"] = record(pathlib.Path(sys.argv[1]))
    rows = [f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in texts) + "]" for name, texts in result.items()]
    golden.write_text("{" + ",\n".join(rows) + "}\n")


if __name__ == "__main__":
    main()
