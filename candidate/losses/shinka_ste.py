# ShinkaEvolve's loss, second reading: the hinge passes its gradient straight through to P.
# arXiv 2509.19349, eq. 1 of section 4.4; f -> P + (f - P).detach() inside the hinge is reconstructed
def balance_loss(r):
    p = r.probs_global
    f = r.load_global
    entropy = -(p * p.clamp(min=1e-12).log()).sum()
    strength = 0.5 + (1.0 - entropy / math.log(r.num_experts))
    hinge = torch.relu(0.064 / r.num_experts - (p + (f - p).detach())).sum()
    return r.num_experts * (f * p).sum() + 0.1 * strength * hinge
