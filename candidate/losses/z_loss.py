# Router z-loss: keeps the logits small; balances nothing by itself.
# ST-MoE, arXiv 2202.08906, eq. 5
def balance_loss(r):
    return torch.logsumexp(r.logits, dim=1).square().mean()
