"""One small text for every op and every spelling of the loss language.

Each is an expression y of x = r.logits (T,E), p = r.probs (T,E, positive), q = r.scores, u = x.mean(0)
and v = p.mean(0) (both (E)), made a loss by a rule that gives every element of y a gradient of its own.
"""
import spellings

HEAD = """def balance_loss(r):
    x = r.logits
    p = r.probs
    q = r.scores
    u = x.mean(0)
    v = p.mean(0)
    E = r.num_experts
    S = r.num_sequences
    k = r.top_k
"""

# How y becomes a loss.
FLOAT = "    return (y + 0.5 * y * y).sum()\n"         # y: floats of any shape
TOKENS = "    return (y.float() * p * p).sum()\n"       # y: bools or ints that broadcast to (T,E)
EXPERTS = "    return (y.float() * v * v).sum()\n"      # y: bools or ints that broadcast to (E)
NUMBER = "    return (v * v).sum() * float(y)\n"        # y: a Python number

# --- element by element: float results
POINTWISE = """
-x
+x
abs(x)
x.abs()
torch.abs(x)
torch.absolute(x)
x.neg()
torch.negative(x)
x.exp()
torch.exp(x * 0.1)
x.expm1()
torch.expm1(p)
p.log()
torch.log(p)
p.log1p()
torch.log1p(p)
p.log2()
torch.log2(p)
p.log10()
torch.log10(p)
p.sqrt()
torch.sqrt(p)
p.rsqrt()
torch.rsqrt(p)
x.sin()
torch.sin(x)
x.cos()
torch.cos(x)
p.tan()
torch.tan(p)
x.tanh()
torch.tanh(x)
F.tanh(x)
x.atan()
torch.arctan(x)
x.sigmoid()
torch.sigmoid(x)
F.sigmoid(x)
torch.special.expit(x)
x.erf()
torch.erf(x)
x.sign()
torch.sign(x)
torch.sgn(x)
x.floor() * p
torch.floor(x) * p
x.ceil() * p
torch.ceil(x) * p
x.round() * p
torch.round(x) * p
torch.round(x, decimals=1) * p
x.trunc() * p
torch.trunc(x) * p
torch.fix(x) * p
x.frac()
p.reciprocal()
torch.reciprocal(p)
x.square()
torch.square(x)
torch.exp2(p)
torch.sinh(p)
torch.cosh(p)
p.logit(eps=1e-3)
torch.logit(p, 1e-3)
torch.positive(x)
x + p
x + 1
2 + x
x.add(p)
torch.add(x, p, alpha=2)
x - p
1 - p
x.sub(p, alpha=0.5)
torch.subtract(x, p)
torch.rsub(p, 1)
x * p
3 * x
True * x
x.mul(p)
torch.multiply(x, 2.5)
x / p
x / 3
1 / p
2.5 / (p + 1)
x.div(p)
torch.true_divide(x, p)
torch.divide(x, 2)
torch.div(x.detach(), p.detach(), rounding_mode='floor') * p
torch.div(x, p, rounding_mode='trunc') * p
(x.detach() // 0.5) * p
(x.detach() // p.detach()) * p
torch.floor_divide(x.detach(), 0.25) * p
x % 0.5
x % p.detach()
torch.remainder(x, p.detach())
(1 % p.detach()) * p
x ** 2
x ** 3
x ** 0
p ** 0.5
p ** -1
p ** -1.5
2 ** x
0.5 ** p
p ** q
x.pow(2)
torch.pow(p, 1.5)
torch.pow(2, x)
torch.pow(p, p)
p.float_power(2).to(p.dtype)
torch.maximum(x, p)
x.maximum(u)
torch.max(x, p)
torch.minimum(x, p)
torch.min(x, u)
x.clamp(min=0)
x.clamp(max=0.5)
x.clamp(-0.5, 0.5)
torch.clamp(x, min=-1.0, max=1.0)
torch.clip(x, 0, 1)
x.clamp_min(0.1)
torch.clamp_max(x, 0.1)
x.clamp(min=p)
torch.clamp(x, max=u)
x.clamp(p, q + 1)
torch.where(x > 0, x, p)
torch.where(x > 0, x, 0.0)
torch.where(x > 0, 1.0, x)
torch.where(x > 0, 1.0, 0.5) * p
torch.where(x > u, p, v)
x.where(x > 0, p)
torch.xlogy(p, q)
p.xlogy(q)
torch.xlogy(r.load_global, v)
torch.xlogy(2.0, v)
torch.hypot(x, p)
torch.logaddexp(x, p)
torch.lerp(x, p, 0.3)
x.lerp(p, q)
torch.addcmul(x, p, q, value=0.5)
torch.addcdiv(x, p, q + 1, value=2)
x.masked_fill(x > 0, 0.25)
torch.masked_fill(x, r.chosen == 1, -1.0)
x.relu()
torch.relu(x)
F.relu(x)
F.relu6(x)
F.hardtanh(x)
F.leaky_relu(x)
F.leaky_relu(x, negative_slope=0.2)
F.elu(x)
F.elu(x, alpha=0.7)
F.selu(x)
F.gelu(x)
F.gelu(x, approximate='tanh')
F.silu(x)
F.mish(x)
F.softplus(x)
F.softplus(x, beta=2)
F.softplus(x * 30)
F.logsigmoid(x)
F.softsign(x)
F.tanhshrink(x)
F.threshold(x, 0.1, 0.5)
x.detach() * p
torch.detach(x) + p
x.clone() + 0
x.contiguous() * 2
x.double().to(p.dtype) * p
x.float() * p
x.type_as(p) * p
x.to(p.dtype) * p
nansum_of(p)
"""

# --- element by element: bool and int results of shape (T,E) or (E)
TOKEN_MASKS = """
x > 0
x >= 0
x < p
x <= 0.25
r.chosen == 1
r.chosen != 1
torch.gt(x, 0)
torch.ge(x, p)
torch.lt(x, 0)
torch.le(x, p)
torch.eq(r.chosen, 1)
torch.ne(r.chosen, 1)
x.greater(0)
x.less_equal(0)
torch.not_equal(r.chosen, 0)
x.logical_not()
~(x > 0)
torch.logical_and(x > 0, p > 0.2)
(x > 0) & (p < 0.5)
(x > 0) | (p > 0.5)
(x > 0) ^ (p > 0.5)
torch.logical_or(x > 0, r.chosen)
torch.logical_xor(x > 0, p > 0.5)
torch.isnan(x)
torch.isinf(x)
torch.isfinite(x)
x.long()
x.int() % 3
(x * 10).long() // 4
(x * 10).long() % -3
(x * 10).long() ** 2
-x.long()
abs(x.long())
x.long().sign()
x.long() * 2 + 1
x.bool()
(x > 0).long() - 1
x.long().clamp(min=0)
x.long().clamp(-1, 1)
torch.maximum(x.long(), r.chosen.long())
torch.where(x > 0, 1, 0)
(x > 0).float() * (x.long() < 1)
x.sort(dim=1).indices
torch.argsort(x, dim=0)
x.argsort(dim=1, descending=True)
x.cumsum(0) > 0
(x > 0).cumsum(0)
(x > 0).any(dim=1, keepdim=True)
(x > 0).all(dim=0)
x.argmax(dim=1, keepdim=True)
"""
EXPERT_MASKS = """
torch.arange(E)
torch.arange(1, E + 1)
torch.arange(0, 2 * E, 2)
torch.arange(E, 0, -1)
torch.arange(E) % 2 == 0
x.argmax(dim=0)
torch.argmin(x, dim=0)
torch.any(x > 1, dim=0)
torch.all(x > -1, dim=0)
(x > 0).sum(0)
(x > 0).long().prod(0)
torch.count_nonzero(x > 0, dim=0)
r.is_null == 0
x.median(dim=0).indices
F.one_hot(x.argmax(1), E).sum(0)
F.one_hot(x.argmax(1), num_classes=E).float().mean(0) > 0.2
(x > 0).long().amax(0)
torch.eye(E).sum(0)
x.long().cumprod(0)[-1]
(x > 0).any()
x.argmax()
"""

# --- reductions and ops along a dimension
REDUCTIONS = """
x.sum()
torch.sum(x)
x.sum(0)
x.sum(dim=1)
x.sum(-1, keepdim=True)
x.sum(dim=(0, 1))
torch.sum(x, dim=[0], keepdim=True)
x.mean()
x.mean(0)
x.mean(dim=-1, keepdim=True)
torch.mean(x, (0, 1))
x.mean(axis=0)
p.prod()
p.prod(0)
x.prod(dim=1, keepdim=True)
torch.nansum(x, dim=0)
x.max()
torch.max(x)
x.min()
x.max(0).values
x.max(dim=1, keepdim=True)[0]
x.min(dim=0).values
torch.min(x, 1)[0]
x.amax()
x.amax(0)
x.amax(dim=(0, 1))
torch.amax(x, dim=1, keepdim=True)
x.amin(0)
torch.amin(x)
x.round().amax(0) * v
x.var()
x.var(0)
x.var(dim=0, unbiased=False)
torch.var(x, dim=1, correction=0)
x.var(dim=(0, 1), keepdim=True)
v.var(unbiased=False)
x.std()
x.std(0)
torch.std(x, dim=1, keepdim=True)
x.std(dim=0, correction=0)
torch.var_mean(x, dim=0)[0]
torch.std_mean(x, 1)[1]
x.logsumexp(0)
torch.logsumexp(x, dim=1)
torch.logsumexp(x, dim=(0, 1))
x.logsumexp(-1, keepdim=True)
torch.special.logsumexp(x, 1)
x.norm()
x.norm(p=1)
x.norm(dim=0)
torch.norm(x, p=2, dim=1)
x.norm(p=3, dim=1, keepdim=True)
x.norm(float('inf'), dim=0)
x.norm(p=0, dim=0) * v
torch.linalg.vector_norm(x, ord=2, dim=0)
torch.linalg.norm(u)
(x * 0).norm(dim=0) + v
torch.dist(u, v)
torch.dist(u, v, p=1)
x.median()
x.median(dim=0).values
torch.median(x, dim=1, keepdim=True).values
x.kthvalue(2, dim=1).values
x.kthvalue(k, dim=0, keepdim=True)[0]
torch.kthvalue(u, E).values
x.quantile(0.25)
x.quantile(0.5, dim=0)
torch.quantile(x, 0.9, dim=1, keepdim=True)
torch.quantile(u, q=0)
x.topk(2).values
x.topk(k, dim=1).values
torch.topk(x, k, dim=-1, largest=False).values
torch.topk(v, 2)[0]
x.sort().values
x.sort(dim=0, descending=True).values
torch.sort(x, dim=-1)[0]
torch.msort(x)
x.softmax(1)
x.softmax(dim=0)
torch.softmax(x, dim=-1)
F.softmax(x, dim=1)
F.log_softmax(x, dim=-1)
x.log_softmax(0)
torch.log_softmax(x, 1)
F.softmin(x, dim=1)
x.cumsum(0)
torch.cumsum(x, dim=1)
x.cumsum(-1)
p.cumprod(1)
torch.cumprod(x, dim=0)
x.cummax(0).values
torch.cummin(x, dim=1).values
x.logcumsumexp(0)
torch.logcumsumexp(x, dim=1)
torch.flip(x, [0]) * p
x.flip(0, 1) * p
torch.fliplr(x) * p
x.flipud() * p
torch.roll(x, 1, 0) * p
x.roll(-2, 1) * p
x.roll(shifts=1, dims=0) * p
torch.diff(x, dim=0)
x.diff()
(x * r.chosen).sum(1)
"""

# --- matrices, shapes, pieces
STRUCTURE = """
x.t() @ p
torch.matmul(x.t(), p)
x @ u
u @ x.t()
u @ v
x.mm(p.t())
torch.mv(x, v)
torch.dot(u, v)
u.dot(v)
torch.inner(u, v)
torch.outer(u, v)
u.outer(v)
torch.einsum('te,te->e', x, p)
torch.einsum('te,tf->ef', x, p)
torch.bmm(x.view(S, -1, E), p.view(S, -1, E).transpose(1, 2))
F.linear(x, torch.outer(u, v))
x.T @ x
x.t().mean(1)
x.transpose(0, 1)
torch.transpose(x, 1, 0)
x.view(S, -1, E).transpose(1, 2).mean(2)
x.view(S, -1, E).permute(2, 0, 1)
torch.permute(x, (1, 0))
x.swapaxes(0, 1)
torch.movedim(x, 0, 1)
torch.diag(u)
(x.t() @ x).diag()
torch.diagonal(x.t() @ x)
torch.diag_embed(u)
torch.trace(x.t() @ p)
(x.t() @ x).tril()
torch.triu(x.t() @ x, diagonal=1)
torch.tril(x, -1)
torch.cov(x.t())
torch.corrcoef(x.T)
x.view(-1)
x.view(S, -1, E).mean(1)
x.reshape(-1, E)
torch.reshape(x, (S, -1, E)).sum(2)
x.view(r.num_sequences, x.shape[0] // r.num_sequences, E).mean(1)
x.view_as(p)
x.flatten()
torch.flatten(x)
x.view(S, -1, E).flatten(0, 1)
torch.ravel(x)
x.unflatten(0, (S, -1))
x.unsqueeze(0)
torch.unsqueeze(u, 1)
u[None, :] * u[:, None]
x.unsqueeze(1).squeeze(1)
u.unsqueeze(0).squeeze()
u.expand(3, E)
u.unsqueeze(0).expand(x.shape[0], -1)
u.expand_as(x)
torch.broadcast_to(u, (2, E))
u.repeat(2)
u.repeat(2, 3)
torch.tile(u, (2,))
u.repeat_interleave(2)
x.narrow(1, 0, 2)
x.select(1, 0)
x[0]
x[-1]
x[:, 1]
x[:, -1]
x[1:3]
x[:, 1:]
x[:, :-1]
x[:4:2]
x[..., 0]
x[0, 1]
x[None]
x[:2, :2]
u[1:] - u[:-1]
x[0][1]
u[x.argmax(0) % E]
x[:, v.topk(2).indices]
torch.index_select(x, 1, v.argsort())
x.index_select(0, x.argmax(0))
torch.gather(x, 1, x.argmax(1, keepdim=True))
p.gather(1, p.topk(k, dim=1).indices)
torch.take_along_dim(x, x.argsort(dim=1), 1)
u.take(torch.arange(2))
torch.cat([x, p])
torch.cat((x, p), dim=1)
torch.concat([u, v])
torch.cat([u, torch.arange(E)])
torch.stack([u, v])
torch.stack([u, v, r.load], dim=1)
torch.stack([x.sum(), p.max()])
torch.hstack([u, v])
torch.vstack([u, v])
torch.unbind(x[:2])[1]
x[:4].chunk(2)[1]
x[:4].split(2)[0]
F.pad(u, (1, 1))
x.size(0) * v
x.size()[1] * v
x.numel() * v
x.dim() * v
len(x) * v
x.ndim * v
F.normalize(x, dim=1)
F.normalize(x, p=1, dim=0)
F.cosine_similarity(x, p, dim=1)
F.pairwise_distance(x, p)
"""

# --- made from numbers, and every field
CREATION = """
torch.zeros(E) + v
torch.ones(E) * v
torch.ones(2, E) * v
torch.full((E,), 0.5) * v
torch.full((), 2.0) * v
torch.full_like(x, 0.25) * x
torch.zeros_like(p) + p
torch.ones_like(x) * x
x.new_zeros(E) + v
x.new_ones(2, E) * v
x.new_full((E,), 3.0) * v
torch.tensor(0.5) * v
torch.tensor([1.0, 2.0]).sum() * v
torch.tensor([[1.0], [2.0]]) * v
torch.scalar_tensor(2.0) * v
torch.arange(E).float() * v
torch.arange(E) / E * v
torch.linspace(0, 1, 5).sum() * v
torch.eye(E) * v
torch.eye(E) @ v
torch.eye(3).sum() * v
r.probs_global * r.num_experts
r.load * v
r.load_global * r.probs_global
r.load_ema * v
r.cost * v
(1 - r.is_null) * v
r.device.t() @ v
(r.device.t() @ r.load) * (r.device.t() @ v)
r.chosen * p
r.progress * v
r.depth * v
r.scores.sum(-1)
r.device.shape[1] * v
"""

LOSSES = """
F.mse_loss(x, p)
F.mse_loss(v, r.load, reduction='sum')
F.mse_loss(x, p, reduction='none')
F.l1_loss(x, p)
F.smooth_l1_loss(x, p)
F.smooth_l1_loss(x, p, beta=0.5)
F.huber_loss(x, p, delta=0.7)
F.kl_div(p.log(), q * q)
F.kl_div(v.log(), r.load_ema, reduction='sum')
F.kl_div(v.log(), v.log(), log_target=True, reduction='batchmean')
F.cross_entropy(x, x.argmax(1))
F.cross_entropy(x, p)
F.cross_entropy(x, r.chosen.argmax(dim=1), reduction='sum')
F.cross_entropy(x, x.argmax(1), label_smoothing=0.1)
F.nll_loss(F.log_softmax(x, dim=1), x.argmax(1))
F.binary_cross_entropy(q.clamp(0.01, 0.99), r.chosen)
F.binary_cross_entropy_with_logits(x, r.chosen)
F.soft_margin_loss(x, 2 * r.chosen - 1)
F.margin_ranking_loss(u, v, torch.ones(E), margin=0.1)
"""

# --- Python numbers
NUMBERS = """
E + 1
E - k
E * k / 2
E / 3
E // 3
E % 3
-E // 3
-E % 3
E ** 2
2 ** k
E ** -1
E ** 0.5
7.5 // 2
-7.5 // 2
-7.5 % 2
r.progress // 0.1
r.progress % 0.1
-r.progress % 0.3
r.progress ** 2
r.progress + E
r.progress * E - 1
1 - r.progress
abs(r.progress - 0.5)
abs(k - E)
-r.depth
+r.depth
math.exp(r.progress)
math.expm1(r.progress)
math.log(E)
math.log(E, 2)
math.log1p(r.progress)
math.log2(E)
math.log10(E)
math.sqrt(E)
math.sin(r.progress)
math.cos(math.pi * r.progress)
math.tan(r.progress)
math.tanh(r.progress)
math.atan(r.progress)
math.erf(r.progress)
math.floor(r.progress * 10)
math.ceil(r.progress * 10)
math.trunc(r.progress * 10)
math.fabs(r.progress - 1)
math.pow(E, 0.5)
math.e + math.pi
int(r.progress * 10)
int(-r.progress * 10)
float(E)
bool(r.progress)
round(r.progress * 10)
round(2.5)
round(r.depth * 5)
round(r.depth * -5)
round(3.5)
pow(2, k)
max(E, 3)
max(r.progress, 0.5)
min(r.progress, E)
max(1, r.progress, 0.25)
min(k, S)
1 if r.progress > 0.5 else 2
E / k if k > 1 else 0.5
(1 / r.progress) if r.progress > 0 else 7.0
(1 // (k - 2)) if k != 2 else 3
0.5 if r.progress < 0.2 or E > 4 else 0.25
1.5 if r.progress >= 0.2 and not E == 4 else 0.75
2 if 0.1 < r.progress <= 0.5 else 3
r.progress == 0.35
E != 4
k < S
(r.progress > 0.3) + (E > 4)
len([1, 2, 3])
sum([1, 2, E])
"""

# --- whole texts: control flow, helpers, both hooks
TEXTS = {
    "loop with a constant bound": """def balance_loss(r):
    total = 0.0
    for i in range(3):
        total = total + (r.probs ** (i + 1)).mean()
    return total
""",
    "loop over experts": """def balance_loss(r):
    total = 0.0
    for e in range(4):
        total += r.probs[:, e].mean() * r.load[e]
    return total
""",
    "helper functions": """def cv(x, eps=1e-6):
    return x.std() / (x.mean() + eps)

def balance_loss(r):
    return cv(r.probs.mean(0)) ** 2 + cv(r.load, eps=0.1)
""",
    "statement on a number": """def balance_loss(r):
    if r.progress > 0.5:
        w = r.load
    else:
        w = r.load_global
    return (w * r.probs.mean(0)).sum()
""",
    "statement on a tensor": """def balance_loss(r):
    spread = r.probs.mean(0).max()
    if spread > 0.3:
        loss = spread * 2
    else:
        loss = spread ** 2
    return loss
""",
    "early return": """def balance_loss(r):
    if r.num_experts > 4:
        return r.probs.square().mean()
    return r.logits.square().mean()
""",
    "conditional expression between tensors": """def balance_loss(r):
    v = r.probs.mean(0) if r.top_k > 1 else r.scores.mean(0)
    return (v * r.load).sum()
""",
    "straight-through load": """def balance_loss(r):
    p = r.probs.mean(0)
    f = p + (r.load_global - p).detach()
    return r.num_experts * (f * f).sum()
""",
    "a plain number": """def balance_loss(r):
    return 0.5
""",
    "no gradient": """def balance_loss(r):
    return (r.load * r.load).sum()
""",
    "unpacking": """def balance_loss(r):
    values, indices = r.probs.topk(2, dim=1)
    T, E = r.logits.shape
    return (values[:, 0] - values[:, 1]).mean() * E / T
""",
    "several steps on one name": """def balance_loss(r):
    x = r.probs.mean(0)
    x = x / x.sum()
    x *= r.num_experts
    x -= 1
    return (x * x).mean()
""",
    "division by zero in float": """def balance_loss(r):
    return (r.probs.mean(0) / r.is_null).sum()
""",
    "sign rule": """def selection_bias(r, bias):
    return bias + 0.01 * torch.sign(r.load.mean() - r.load)
""",
    "proportional rule with a schedule": """def selection_bias(r, bias):
    rate = 0.1 * (1 - r.progress)
    return bias + rate * (1 - r.load_global * r.num_experts)
""",
    "both hooks": """def balance_loss(r):
    return r.num_experts * (r.load_global * r.probs.mean(0)).sum()

def selection_bias(r, bias):
    return (bias - 0.05 * (r.load_ema - 1 / r.num_experts)).clamp(-1, 1)
""",
    "quantile bias": """def selection_bias(r, bias):
    share = r.top_k / r.num_experts
    return -torch.quantile(r.scores, 1 - share, dim=0)
""",
}


def _lines(block):
    return [line for line in block.strip().splitlines() if line]


def cases():
    """(name, source) of every other case."""
    helper = "def nansum_of(x):\n    return torch.nansum(x)\n\n"
    for block, tail in ((POINTWISE, FLOAT), (TOKEN_MASKS, TOKENS), (EXPERT_MASKS, EXPERTS),
                        (REDUCTIONS, FLOAT), (STRUCTURE, FLOAT), (CREATION, FLOAT),
                        (LOSSES, FLOAT), (NUMBERS, NUMBER), (spellings.FLOATS, FLOAT),
                        (spellings.TOKENS, TOKENS), (spellings.EXPERTS, EXPERTS),
                        (spellings.NUMBERS, NUMBER)):
        for line in _lines(block):
            head = (helper if "nansum_of" in line else "") + HEAD
            yield line, head + f"    y = {line}\n" + tail
    yield from TEXTS.items()
