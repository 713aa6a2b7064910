// Names of PyTorch and Python that people and models write and the language leaves out, with what
// to write instead.
#include <algorithm>
#include <array>

#include "candidate/fail.h"
#include "candidate/names.h"

namespace ballast::candidate {
namespace {

struct Group {
  std::string_view names;  // between spaces
  std::string_view message, hint;
};

constexpr std::array<Group, 23> kGroups = {{
    {" rand randn randint rand_like randn_like randint_like randperm multinomial bernoulli normal "
     "poisson "
     "dropout dropout1d dropout2d alpha_dropout feature_dropout gumbel_softmax rrelu manual_seed "
     "seed random "
     "Generator exponential uniform ",
     "is random, and a loss must give equal numbers for equal inputs", "leave the noise out"},
    {" backward grad requires_grad retain_grad register_hook autograd no_grad enable_grad "
     "set_grad_enabled "
     "inference_mode set_detect_anomaly ",
     "steers autograd, which is the trainer's work",
     "return the loss; `.detach()` stops a gradient"},
    {" data ", "shares memory behind autograd's back", "`.detach()`"},
    {" cuda cpu half bfloat16 pin_memory share_memory synchronize ",
     "moves or narrows tensors, which is the trainer's work", "leave it out"},
    {" numpy tolist save load print input open eval exec compile getattr setattr hasattr vars "
     "globals locals "
     "isinstance issubclass type id hash callable repr str format dir help __import__ breakpoint "
     "exit quit "
     "dict set frozenset iter next map filter any all sorted object super property ",
     "is not in the language", "only tensor operations and arithmetic are"},
    {" distributed all_reduce all_gather reduce_scatter broadcast barrier dist ",
     "talks to other ranks, which is the trainer's work",
     "r.load_global and r.probs_global are synchronised already"},
    {" nonzero argwhere unique unique_consecutive histc histogram "
     "combinations ",
     "gives a shape that depends on the data",
     "mask with torch.where(condition, x, 0), count with F.one_hot(...).sum(0); the first place "
     "where a condition "
     "holds is condition.float().argmax()"},
    {" scatter_reduce index_copy index_fill index_put index_reduce "
     "masked_scatter "
     "slice_scatter select_scatter put bucketize searchsorted ",
     "is not in the language",
     "build it with F.one_hot(index, num_classes=n), torch.where or a matrix product"},
    {" empty empty_like new_empty empty_strided resize set as_strided ",
     "gives memory with unknown contents", "torch.zeros"},
    {" nan_to_num ", "is not in the language", "torch.where(torch.isfinite(x), x, 0.0)"},
    {" cdist pdist ", "is not in the language", "(a[:, None] - b[None]).norm(dim=-1)"},
    {" svd eig eigh eigvals eigvalsh inv inverse pinv det slogdet logdet solve cholesky qr "
     "matrix_rank matrix_exp "
     "lstsq lu matrix_power cond ",
     "is not in the language", "use sums, products and norms"},
    {" MSELoss L1Loss SmoothL1Loss HuberLoss KLDivLoss CrossEntropyLoss NLLLoss BCELoss "
     "BCEWithLogitsLoss Softmax "
     "LogSoftmax ReLU GELU SiLU Sigmoid Tanh Softplus ELU Module Parameter Linear Sequential "
     "ModuleList Embedding "
     "LayerNorm CosineSimilarity ",
     "is a module, and a loss has no state",
     "call the function in torch.nn.functional: F.mse_loss, F.softmax, ..."},
    {" jit vmap func fx export script trace_module compile_fn ", "is not in the language",
     "write the operations out"},
    {" ctc_loss triplet_margin_loss cosine_embedding_loss hinge_embedding_loss multi_margin_loss "
     "gaussian_nll_loss "
     "poisson_nll_loss embedding conv1d conv2d avg_pool1d max_pool1d layer_norm batch_norm "
     "scaled_dot_product_attention "
     "interpolate ",
     "is not in the language", "write the formula out"},
    {" fft stft complex real imag angle conj polar view_as_real ", "is for complex numbers",
     "use real ones"},
    {" lgamma digamma polygamma gamma mvlgamma erfinv i0 special ndtri igamma ",
     "is not in the language", ""},
    {" aminmax ", "has no gradient in PyTorch", "x.amin(dim) and x.amax(dim)"},
    {" hardsigmoid hardswish glu celu prelu softshrink hardshrink ", "is not in the language",
     "write the formula out: F.relu6(x + 3) / 6"},
    {" fmod ", "is not in the language", "torch.remainder, or %"},
    {" acos asin arccos arcsin atan2 arctan2 acosh asinh atanh erfc ", "is not in the language",
     "torch.atan, torch.erf"},
    {" cross kron tensordot chain_matmul addmm addmv addbmm baddbmm ", "is not in the language",
     "@, torch.outer or torch.einsum"},
    {" meshgrid cartesian_prod ", "is not in the language", "a[:, None] and b[None, :] broadcast"},
}};

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t space = std::min(text.find(' '), text.size());
    if (space > 0) out.push_back(text.substr(0, space));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return out;
}

bool listed(const Group& group, std::string_view name) {
  if (name.find(' ') != std::string_view::npos) return false;
  return group.names.find(" " + std::string(name) + " ") != std::string_view::npos;
}

std::string_view last_part(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

std::string written(Space space, std::string_view name) {
  switch (space) {
    case kTorch:
      return quoted("torch." + std::string(name));
    case kFunctional:
      return quoted("F." + std::string(name));
    case kMath:
      return quoted("math." + std::string(name));
    case kMethod:
      return quoted("." + std::string(name));
    default:
      return quoted(name);
  }
}

std::string joined(const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

// "x, target": what a call must be given; for a method without the tensor itself.
std::string needed(const NameRow& row, bool method) {
  std::string text;
  for (size_t i = method ? 1 : 0; i < row.parameters.size(); ++i) {
    const SignatureParameter& p = row.parameters[i];
    if (!p.fallback.empty() || p.keyword_only) break;
    const std::string_view name = p.rest ? "..." : (i == 0 && p.name == "input" ? "x" : p.name);
    text += (text.empty() ? "" : ", ") + std::string(name);
  }
  return text;
}

// Where else the name exists: torch.kl_div is F.kl_div(x, target), x.softplus() is F.softplus(x).
std::string elsewhere(Space space, std::string_view name) {
  const std::string called(name);
  const auto in = [&](Space other) { return other == space ? nullptr : find_name(other, name); };
  if (const NameRow* row = in(kFunctional)) return "F." + called + "(" + needed(*row, false) + ")";
  if (const NameRow* row = in(kTorch)) return "torch." + called + "(" + needed(*row, false) + ")";
  if (const NameRow* row = in(kMethod)) return "x." + called + "(" + needed(*row, true) + ")";
  return "";
}

}  // namespace

std::vector<RefusedNames> refused_names() {
  std::vector<RefusedNames> out;
  for (const Group& group : kGroups) out.push_back({words(group.names), group.message, group.hint});
  return out;
}

Refusal refuse_name(Space space, std::string_view name) {
  const std::string_view last = last_part(name);
  const bool in_place = last.size() > 1 && last.ends_with('_') && !last.starts_with("__");
  const std::string_view base = in_place ? last.substr(0, last.size() - 1) : last;
  if (in_place && find_name(kMethod, base) != nullptr)
    return {written(space, name) + " changes a tensor in place",
            "x = x." + std::string(base) + "(...)"};
  const std::string_view first = name.substr(0, name.find('.'));
  for (const Group& group : kGroups)
    if (listed(group, base) || (space == kTorch && listed(group, first)))
      return {written(space, name) + " " + std::string(group.message), std::string(group.hint)};
  if (in_place) return {written(space, name) + " changes a tensor in place", "make a new tensor"};
  if (const std::string other = elsewhere(space, last); !other.empty())
    return {written(space, name) + " does not exist", "write " + other};
  std::vector<std::string_view> known;
  for (const NameRow& row : source_names())
    if ((row.spaces & space) != 0) known.push_back(row.name);
  const auto near = nearest(name, known);
  return {written(space, name) + " is not in the language",
          near.empty()
              ? ""
              : (near.size() == 1 ? "the nearest is " : "the nearest are ") + joined(near)};
}

}  // namespace ballast::candidate
