# Squared coefficient of variation of the experts' importance, the sum of their gates.
# Shazeer et al. 2017, arXiv 1701.06538, eq. 6-7
def balance_loss(r):
    gates = r.probs * r.chosen
    gates = gates / gates.sum(1, keepdim=True)
    importance = gates.sum(0)
    return importance.var() / (importance.mean() ** 2 + 1e-10)
