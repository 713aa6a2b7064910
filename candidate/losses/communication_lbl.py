# Communication balance loss: balances the tokens that each device receives.
# DeepSeek-V2, arXiv 2405.04434, eq. 29-31, with M the mean number of devices a token is sent to
def balance_loss(r):
    sent = (r.chosen @ r.device > 0).float()
    devices_per_token = sent.sum(1).mean()
    frequency = r.device.shape[1] / devices_per_token * sent.mean(0)
    device_probs = r.probs.mean(0) @ r.device
    return (frequency * device_probs).sum()
