# Mutual information of token and expert, maximised: a uniform marginal and confident tokens.
# ModuleFormer, arXiv 2306.04640, as in its code (utils/gate.py, aux_loss 'mi')
def entropy(p):
    return -(p * p.clamp(min=1e-8).log()).sum(-1)

def balance_loss(r):
    marginal = entropy(r.probs_global)
    conditional = entropy(r.probs).mean()
    return conditional - marginal
