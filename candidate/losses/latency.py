# Latency-aware loss: squared coefficients of variation of latency-weighted importance and load.
# ShiftAddViT, arXiv 2306.06446, section 4.2; the load term straight-through instead of by noise
def squared_cv(x, weight):
    count = weight.sum()
    mean = (x * weight).sum() / count
    variance = ((x - mean) ** 2 * weight).sum() / count
    return variance / (mean ** 2 + 1e-10)

def balance_loss(r):
    true_experts = 1.0 - r.is_null
    importance = r.cost * r.probs_global
    load = r.cost * (r.load_global + r.probs_global - r.probs_global.detach())
    return squared_cv(importance, true_experts) + squared_cv(load, true_experts)
