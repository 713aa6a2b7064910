# Auxiliary-loss-free balancing, proportional rule: the step is u times the relative error.
# arXiv 2408.15664, table 3 (b += u e); a dual gradient step of arXiv 2512.03915
def selection_bias(r, bias):
    error = 1.0 - r.num_experts * r.load_global
    return bias + 0.02 * error
