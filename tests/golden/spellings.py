"""What ops.py leaves out: the other spellings of each name, and every parameter that can be given.

tests/candidate/golden_test.cpp holds both files to the table of names (candidate/names.def). The same
letters as in ops.py.
"""

# y: floats of any shape
FLOATS = """
x.arctan()
x.sgn() * p
x.fix() * p
torch.neg(x)
x.negative()
x.absolute()
p.exp2()
torch.frac(x)
p.sinh()
p.cosh()
x.positive()
x.round(decimals=1) * p
torch.sub(x, p, alpha=0.5)
x.subtract(p)
torch.subtract(x, p, alpha=2)
torch.rsub(p, x, alpha=0.5)
torch.mul(x, p)
x.multiply(p)
x.divide(p)
x.divide(2)
torch.divide(x, p, rounding_mode='trunc') * p
x.true_divide(p)
x.detach().floor_divide(0.5) * p
x.remainder(0.5)
torch.float_power(p, 2).to(p.dtype)
x.minimum(p)
torch.special.xlogy(p, q)
x.hypot(p)
x.logaddexp(p)
x.clip(-0.5, 0.5)
torch.clip(x, min=u, max=p + 1)
torch.clamp_min(x, 0.1)
x.clamp_max(0.1)
x.addcmul(p, q, value=0.5)
x.addcdiv(p, q + 1, value=2)
F.hardtanh(x, -0.5, 0.25)
F.hardtanh(x, min_val=-0.3, max_val=0.7)
F.softplus(x, beta=2, threshold=20)
torch.prod(x, dim=1)
x.nansum()
x.nansum(dim=1, keepdim=True)
torch.max(input=x, other=p)
torch.min(x, other=p)
x.std(0, unbiased=False)
torch.special.logsumexp(x, 1, keepdim=True)
torch.var_mean(x, dim=0, unbiased=False)[0]
torch.var_mean(x, 1, keepdim=True)[1] * p
torch.var_mean(x, dim=0, correction=0)[0]
torch.std_mean(x, dim=0, unbiased=False)[0]
torch.std_mean(x, 1, keepdim=True)[0] * p
torch.std_mean(x, dim=0, correction=0)[0]
torch.linalg.vector_norm(x, ord=1, dim=1, keepdim=True)
torch.linalg.norm(x, ord=2, dim=1, keepdim=True)
u.dist(v, p=3)
torch.quantile(x, 0.3, dim=0, interpolation='linear')
x.topk(2, dim=1, largest=True, sorted=True).values
x.sort(dim=0, descending=True, stable=True).values
x.msort()
torch.cummax(x, dim=0).values
x.fliplr() * p
torch.flipud(x) * p
torch.roll(x, shifts=1, dims=1) * p
torch.diff(x, n=2, dim=0)
x.t().matmul(p)
torch.linalg.matmul(x.t(), p)
torch.mm(x.t(), p)
x.mv(v)
x.view(S, -1, E).bmm(p.view(S, -1, E).transpose(1, 2))
torch.vdot(u, v)
u.vdot(v)
u.inner(v)
torch.ger(u, v)
u.ger(v)
F.linear(x, torch.outer(u, v), bias=v)
torch.t(x) * 2
torch.swapaxes(x, 0, 1)
torch.swapdims(x, 0, 1)
x.swapdims(dim0=1, dim1=0)
x.movedim(0, 1)
(x.t() @ x).diag(diagonal=0)
torch.diag(x.t() @ p, diagonal=0)
u.diag_embed()
(x.t() @ p).diagonal()
torch.diagonal(x.t() @ p, offset=0, dim1=0, dim2=1)
(x.t() @ p).trace()
x.t().cov()
torch.cov(x.t(), correction=0)
x.t().corrcoef()
x.t().reshape_as(p)
x.ravel()
torch.unflatten(x, 0, (S, -1))
torch.flatten(x.view(S, -1, E), start_dim=0, end_dim=1)
torch.squeeze(u.unsqueeze(0))
torch.squeeze(u.unsqueeze(1), dim=1)
u.broadcast_to(2, E)
u.broadcast_to((2, E))
u.tile(2)
u.tile((3,))
torch.repeat_interleave(u, 2)
x.repeat_interleave(3, dim=1)
torch.numel(x) * v
x.nelement() * v
x.ndimension() * v
v * (2 if torch.is_floating_point(x) else 3)
v * (2 if r.chosen.long().is_floating_point() else 3)
torch.concat((x, p), dim=0)
torch.concatenate([x, p], dim=1)
torch.stack([u, v], dim=0)
x[:2].unbind(dim=0)[0]
torch.unbind(x[:, :2], dim=1)[1]
torch.split(x[:4], 2)[1]
torch.split(x[:, :4], split_size_or_sections=2, dim=1)[1]
x[:, :4].split(split_size=2, dim=1)[0]
torch.chunk(x[:4], 2)[0]
x[:, :4].chunk(chunks=2, dim=1)[1]
torch.narrow(x, 1, 0, 2)
x.narrow(dim=0, start=1, length=2)
torch.select(x, 1, 0)
x.take_along_dim(x.argsort(dim=1), dim=1)
torch.take(x, torch.arange(3))
torch.masked_select(x, r.chosen == 1).sum()
x.masked_select(p > 0.2).sum()
torch.scatter(x, 1, x.argmax(1, keepdim=True), 0.5) * p
x.scatter(1, x.argmax(1, keepdim=True), 0.25) * p
x.scatter(dim=1, index=x.topk(2, dim=1).indices, value=1.5)
torch.scatter_add(x, 1, x.argmax(1, keepdim=True), p[:, :1])
x.scatter_add(1, p.topk(2, dim=1).indices, p[:, :2])
torch.index_add(u, 0, x.argmax(1), p.mean(1))
u.index_add(0, x.argmax(1), p.max(1).values, alpha=0.5)
x.index_add(dim=1, index=torch.arange(E), source=p)
torch.bincount(x.argmax(1), minlength=E) * v
x.argmax(1).bincount(weights=r.chosen[:, 0], minlength=E) * v
F.pad(u, (1, 1), mode='constant', value=0.5)
torch.clone(x) + 0
x.type(p.dtype) * p
p.max().detach().item() * v
x.new_tensor([0.5, 2.0]).sum() * v
torch.as_tensor([1.0, 2.0]).mean() * v
torch.eye(E, m=E) @ v
torch.eye(3, 3).sum() * v
v.to(torch.device('cpu')) * 2
v.to(torch.device('cuda', 0) if False else torch.device(type='cpu')) * 2
(v + torch.finfo(torch.float32).eps).log()
torch.cosine_similarity(x, p, dim=0)
torch.pairwise_distance(x, p)
F.cosine_similarity(x, p, dim=1, eps=0.5)
F.pairwise_distance(x, p, p=1.0, eps=1e-3, keepdim=True)
F.normalize(x, dim=1, eps=2.0)
F.l1_loss(x, p, reduction='sum')
F.smooth_l1_loss(x, p, reduction='none')
F.huber_loss(x, p, reduction='sum')
F.nll_loss(F.log_softmax(x, dim=1), x.argmax(1), reduction='sum')
F.binary_cross_entropy(q.clamp(0.01, 0.99), r.chosen, reduction='none')
F.binary_cross_entropy_with_logits(x, r.chosen, reduction='sum')
F.margin_ranking_loss(u, v, torch.ones(E), reduction='none')
F.soft_margin_loss(x, 2 * r.chosen - 1, reduction='sum')
sum([u, v], start=r.load)
sum(p * i for i, p in enumerate([u, v], start=2))
sum(a * b for a, b in zip([u, v], [v, r.load]))
list(reversed([u, v]))[0] * 2
tuple([u, v])[1]
sum(list((u, v)))
"""

# y: bools or ints that broadcast to (T,E)
TOKENS = """
x.isnan()
x.isinf()
x.isfinite()
x.eq(p)
r.chosen.ne(1)
r.chosen.not_equal(1)
x.lt(p)
torch.less(x, 0)
x.less(0)
x.le(p)
torch.less_equal(x, p)
x.gt(0)
torch.greater(x, p)
x.ge(0)
torch.greater_equal(x, 0.25)
x.greater_equal(p)
(x > 0).logical_and(p > 0.2)
(x > 0).logical_or(r.chosen)
(x > 0).logical_xor(p > 0.5)
(x > 0).all(dim=1, keepdim=True)
torch.sort(x, dim=0, stable=True).indices
torch.argsort(x, dim=1, descending=True, stable=True)
"""

# y: bools or ints that broadcast to (E)
EXPERTS = """
(x > 0).count_nonzero(dim=0)
(x > 0).count_nonzero()
"""

# y: a Python number
NUMBERS = """
round(r.progress * 10, 1)
round(r.progress * 10, ndigits=0)
sum([k, E], start=2)
"""
