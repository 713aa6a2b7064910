# The loss found by ShinkaEvolve, verbatim: the hinge is on counts, its gradient is that of s(P) alone.
# arXiv 2509.19349, eq. 1 of section 4.4, tau = 0.064 / E (secondary sources; code may have 0.64 / E)
def balance_loss(r):
    p = r.probs_global
    f = r.load_global
    entropy = -(p * p.clamp(min=1e-12).log()).sum()
    strength = 0.5 + (1.0 - entropy / math.log(r.num_experts))
    hinge = torch.relu(0.064 / r.num_experts - f).sum()
    return r.num_experts * (f * p).sum() + 0.1 * strength * hinge
