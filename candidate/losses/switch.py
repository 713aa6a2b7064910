# Switch Transformer's loss: f counts each token's best expert only, whatever k is.
# arXiv 2101.03961, eq. 4-6
def balance_loss(r):
    best = F.one_hot(r.probs.argmax(1), num_classes=r.num_experts).float()
    return r.num_experts * (best.mean(0) * r.probs.mean(0)).sum()
