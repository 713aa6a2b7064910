# Null-expert loss: null experts are balanced together, each counted with their mean load.
# AdaMoE, arXiv 2406.13233, eq. 6 (f as a share of assignments)
def balance_loss(r):
    nulls = r.is_null.sum().clamp(min=1.0)
    null_load = (r.load_global * r.is_null).sum() / nulls
    load = torch.where(r.is_null > 0, null_load, r.load_global)
    return r.num_experts * (load * r.probs.mean(0)).sum()
