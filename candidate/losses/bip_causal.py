# BIP-based balancing made causal: routes with the duals of earlier batches, then solves for the next.
# arXiv 2502.15451, algorithm 1 with T = 4; only differences of the bias matter, so q starts at 0
def selection_bias(r, bias):
    tokens = r.scores.shape[0]
    capacity = tokens * r.top_k // r.num_experts
    q = bias.max() - bias
    for _ in range(4):
        p = torch.relu((r.scores - q).topk(r.top_k + 1, dim=1).values[:, -1:])
        q = torch.relu((r.scores - p).kthvalue(tokens - capacity, dim=0).values)
    return -q
