# Sequence-wise balance loss: the load-balancing loss of each sequence, averaged.
# DeepSeek-V3, arXiv 2412.19437, eq. 17-20 (here `chosen` includes the selection bias)
def balance_loss(r):
    chosen = r.chosen.view(r.num_sequences, -1, r.num_experts)
    probs = r.probs.view(r.num_sequences, -1, r.num_experts)
    frequency = r.num_experts / r.top_k * chosen.mean(1)
    return (frequency * probs.mean(1)).sum(1).mean()
