# Auxiliary-loss-free balancing, sign rule: underloaded experts gain u, overloaded ones lose it.
# arXiv 2408.15664, algorithm 1, with u = 0.02 for short trainings
def selection_bias(r, bias):
    return bias + 0.02 * torch.sign(r.load_global.mean() - r.load_global)
