# Global-batch loss with 1 % of the micro-batch loss, which restores local balance cheaply.
# arXiv 2501.11873, table 5
def balance_loss(r):
    mean_probs = r.probs.mean(0)
    global_loss = r.num_experts * (r.load_global * mean_probs).sum()
    micro_loss = r.num_experts * (r.load * mean_probs).sum()
    return global_loss + 0.01 * micro_loss
