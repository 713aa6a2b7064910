# Load concentration for fine-tuning: minimises the marginal entropy, so that few modules are used.
# ModuleFormer, arXiv 2306.04640; the equation is reconstructed
def balance_loss(r):
    p = r.probs_global
    return -(p * p.clamp(min=1e-8).log()).sum()
