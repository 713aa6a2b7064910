"""The router states at which golden values are recorded, in the format of `ballast check --at`."""
import random


def _matrix(rng, rows, columns, scale, digits=3):
    return [[round(rng.gauss(0, scale), digits) for _ in range(columns)] for _ in range(rows)]


def _share(rng, n, low=0.05):
    """n numbers that sum to 1 but for rounding."""
    parts = [low + rng.random() for _ in range(n)]
    return [round(p / sum(parts), 6) for p in parts]


def _groups(experts, groups):
    return [[1 if e % groups == g else 0 for g in range(groups)] for e in range(experts)]


def _states():
    rng = random.Random(20250117)
    usual = {
        "logits": _matrix(rng, 8, 4, 1.5), "gate": "softmax", "top_k": 2, "num_sequences": 2,
        "load_global": _share(rng, 4), "probs_global": _share(rng, 4), "load_ema": _share(rng, 4),
        "cost": [0.8, 1.1, 1.1, 0.5], "is_null": [0, 0, 0, 1], "device": _groups(4, 2),
        "bias": [0.02, -0.01, 0.0, 0.03], "progress": 0.35, "depth": 0.5,
    }
    # Only what must be there; more experts, one choice, four sequences.
    plain = {"logits": _matrix(rng, 12, 6, 0.8), "gate": "softmax", "top_k": 1, "num_sequences": 4,
             "progress": 0.0, "depth": 0.0}
    # Every token wants expert 2; the others are dead.
    collapsed = {
        "logits": [[round(x + (12 if e == 2 else 0), 3) for e, x in enumerate(row)]
                   for row in _matrix(rng, 6, 4, 0.5)],
        "gate": "softmax", "top_k": 1, "num_sequences": 1, "load_global": [0.0, 0.0, 1.0, 0.0],
        "load_ema": [0.01, 0.0, 0.98, 0.01], "progress": 1.0, "depth": 1.0,
    }
    # Logits at the ends of what the contract promises.
    extreme = {
        "logits": [[round(15 * (1 if rng.random() < 0.3 else -1) * (0.9 + 0.1 * rng.random()), 3)
                    for _ in range(5)] for _ in range(6)],
        "gate": "softmax", "top_k": 2, "num_sequences": 3, "load_global": [0.5, 0.0, 0.3, 0.2, 0.0],
        "progress": 0.9, "depth": 0.25,
    }
    sigmoid = {
        "logits": _matrix(rng, 8, 6, 2.0), "gate": "sigmoid", "top_k": 3, "num_sequences": 2,
        "load_global": _share(rng, 6), "cost": [1.2, 0.8, 1.0, 1.1, 0.9, 1.0],
        "device": _groups(6, 3), "bias": [0.1, -0.1, 0.05, 0.0, -0.05, 0.0],
        "progress": 0.6, "depth": 0.75,
    }
    # Almost nothing to tell the experts apart.
    uniform = {"logits": _matrix(rng, 8, 8, 0.01, 5), "gate": "softmax", "top_k": 2,
               "num_sequences": 2, "progress": 0.1, "depth": 0.5}
    return {"usual": usual, "plain": plain, "collapsed": collapsed, "extreme": extreme,
            "sigmoid": sigmoid, "uniform": uniform}


STATES = _states()
ALL = list(STATES)
FEW = ["usual", "plain", "collapsed", "sigmoid"]
PAIR = ["usual", "extreme"]
