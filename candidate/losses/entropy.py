# Kullback-Leibler divergence of the mean router distribution from uniform: log E minus its entropy.
# common practice; no counts, fully differentiable
def balance_loss(r):
    p = r.probs_global
    entropy = -(p * p.clamp(min=1e-12).log()).sum()
    return math.log(r.num_experts) - entropy
