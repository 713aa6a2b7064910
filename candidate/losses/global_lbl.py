# Global-batch load-balancing loss: the load is that of the whole window.
# arXiv 2501.11873, eq. 4-6
def balance_loss(r):
    return r.num_experts * (r.load_global * r.probs.mean(0)).sum()
