# Quantile balancing: one half-iteration of the same dual with equality constraints, no clipping at 0.
# the successor of arXiv 2502.15451 (Megatron-Core `qb_dual_update`), causal
def selection_bias(r, bias):
    alpha = (r.scores + bias).topk(r.top_k + 1, dim=1).values[:, -1:]
    return -torch.quantile(r.scores - alpha, 1 - r.top_k / r.num_experts, dim=0)
