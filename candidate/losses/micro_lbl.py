# Load-balancing loss of the micro-batch: E * sum_i f_i P_i, f the share of assignments.
# Switch Transformer, arXiv 2101.03961, eq. 4; per micro-batch as eq. 3 of arXiv 2501.11873
def balance_loss(r):
    return r.num_experts * (r.load * r.probs.mean(0)).sum()
