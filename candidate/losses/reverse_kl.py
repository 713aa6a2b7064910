# Kullback-Leibler divergence of uniform from the mean router distribution: a log barrier at 0.
# common practice; no counts, fully differentiable
def balance_loss(r):
    p = r.probs_global.clamp(min=1e-12)
    return -p.log().mean() - math.log(r.num_experts)
