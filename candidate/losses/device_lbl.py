# Device-level balance loss: balances the groups of experts that share a device.
# DeepSeek-V2, arXiv 2405.04434, eq. 26-28
def balance_loss(r):
    frequency = r.num_experts * r.load
    experts_on_device = r.device.sum(0).clamp(min=1.0)
    device_frequency = frequency @ r.device / experts_on_device
    device_probs = r.probs.mean(0) @ r.device
    return (device_frequency * device_probs).sum()
