# ShinkaEvolve's loss, third reading: starved experts by their counts, the penalty on their P.
# arXiv 2509.19349, eq. 1 of section 4.4; the mask is reconstructed
def balance_loss(r):
    p = r.probs_global
    f = r.load_global
    tau = 0.064 / r.num_experts
    entropy = -(p * p.clamp(min=1e-12).log()).sum()
    strength = 0.5 + (1.0 - entropy / math.log(r.num_experts))
    hinge = ((f < tau).float() * (tau - p)).sum()
    return r.num_experts * (f * p).sum() + 0.1 * strength * hinge
