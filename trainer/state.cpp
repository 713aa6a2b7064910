#include "trainer/state.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstdio>

#include "common/json.h"
#include "trainer/gradient.h"
#include "trainer/interpreter.h"

namespace ballast::trainer {

namespace {

double finite_number(const Json& json, const std::string& where) {
  if (!json.is_number()) throw Error(where + ": expected a number, found " + json.dump());
  const double x = json.get<double>();
  if (!std::isfinite(x)) throw Error(where + ": " + json.dump() + " is too large for a number");
  return x;
}

Row row_of(const Json& json, const std::string& where) {
  if (!json.is_array()) throw Error(where + ": expected a list of numbers");
  Row row;
  row.reserve(json.size());
  for (size_t i = 0; i < json.size(); ++i)
    row.push_back(finite_number(json[i], where + "[" + std::to_string(i) + "]"));
  return row;
}

std::vector<Row> matrix_of(const Json& json, const std::string& where) {
  if (!json.is_array() || json.empty()) throw Error(where + ": expected a list of rows");
  std::vector<Row> rows;
  rows.reserve(json.size());
  for (size_t i = 0; i < json.size(); ++i) {
    rows.push_back(row_of(json[i], where + "[" + std::to_string(i) + "]"));
    if (rows[i].empty() || rows[i].size() != rows[0].size())
      throw Error(where + "[" + std::to_string(i) + "]: has " + std::to_string(rows[i].size()) +
                  " numbers, but row 0 has " + std::to_string(rows[0].size()));
  }
  return rows;
}

// A number per expert. `flags`: each must be 0 or 1.
std::optional<Row> per_expert(ObjectReader& in, const char* key, size_t experts,
                              bool flags = false) {
  if (!in.has(key)) return std::nullopt;
  Row row = row_of(in.any(key), in.where(key));
  if (row.size() != experts)
    throw Error(in.where(key) + ": has " + std::to_string(row.size()) +
                " numbers, but logits has " + std::to_string(experts) + " experts");
  for (double x : row)
    if (flags && x != 0 && x != 1) throw Error(in.where(key) + ": expected zeros and ones");
  return row;
}

std::optional<std::vector<Row>> device_of(ObjectReader& in, size_t experts) {
  if (!in.has("device")) return std::nullopt;
  std::vector<Row> device = matrix_of(in.any("device"), in.where("device"));
  if (device.size() != experts)
    throw Error(in.where("device") + ": has " + std::to_string(device.size()) +
                " rows, but logits has " + std::to_string(experts) + " experts");
  for (size_t e = 0; e < experts; ++e) {
    double sum = 0;
    for (double x : device[e]) sum += (x == 0 || x == 1) ? x : 2;
    if (sum != 1)
      throw Error(in.where("device") + "[" + std::to_string(e) +
                  "]: expected a single 1 (the expert's group) among zeros");
  }
  return device;
}

int64_t integer_between(ObjectReader& in, const char* key, int64_t low, int64_t high) {
  const int64_t n = in.integer(key);
  if (n < low || n > high)
    throw Error(in.where(key) + ": " + std::to_string(n) + " is not between " +
                std::to_string(low) + " and " + std::to_string(high));
  return n;
}

double share(ObjectReader& in, const char* key) {
  if (!in.has(key)) return 0;
  const double x = finite_number(in.any(key), in.where(key));
  if (x < 0 || x > 1)
    throw Error(in.where(key) + ": " + in.any(key).dump() + " is not between 0 and 1");
  return x;
}

at::Tensor tensor_of(const Row& row, at::ScalarType dtype) {
  return at::tensor(at::ArrayRef<double>(row), at::kDouble).to(dtype);
}

at::Tensor tensor_of(const std::vector<Row>& rows, at::ScalarType dtype) {
  Row all;
  all.reserve(rows.size() * rows[0].size());
  for (const Row& row : rows) all.insert(all.end(), row.begin(), row.end());
  return tensor_of(all, dtype)
      .view({static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows[0].size())});
}

void append(std::string& out, const at::Tensor& t) {
  if (t.dim() == 0) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.17g", t.item<double>());
    out += buffer;
    return;
  }
  out += '[';
  for (int64_t i = 0; i < t.size(0); ++i) {
    if (i > 0) out += ',';
    append(out, t.select(0, i));
  }
  out += ']';
}

}  // namespace

State parse_state(std::string_view text) {
  const Json json = parse_json(text, "state");
  ObjectReader in(json, "state");
  State s;
  s.logits = matrix_of(in.any("logits"), in.where("logits"));
  const size_t experts = s.logits[0].size();
  const auto tokens = static_cast<int64_t>(s.logits.size());
  if (in.has("gate")) s.gate = in.text("gate");
  if (s.gate != "softmax" && s.gate != "sigmoid")
    throw Error(in.where("gate") + ": expected \"softmax\" or \"sigmoid\", found \"" + s.gate +
                "\"");
  s.top_k = integer_between(in, "top_k", 1, static_cast<int64_t>(experts));
  if (in.has("num_sequences")) s.num_sequences = integer_between(in, "num_sequences", 1, tokens);
  if (tokens % s.num_sequences != 0)
    throw Error(in.where("num_sequences") + ": " + std::to_string(s.num_sequences) +
                " sequences do not divide the " + std::to_string(tokens) + " tokens of logits");
  s.load_global = per_expert(in, "load_global", experts);
  s.probs_global = per_expert(in, "probs_global", experts);
  s.load_ema = per_expert(in, "load_ema", experts);
  s.cost = per_expert(in, "cost", experts);
  s.is_null = per_expert(in, "is_null", experts, /*flags=*/true);
  s.device = device_of(in, experts);
  s.bias = per_expert(in, "bias", experts);
  s.progress = share(in, "progress");
  s.depth = share(in, "depth");
  in.done();
  return s;
}

StateRecord make_state(const State& s, at::ScalarType dtype) {
  StateRecord out;
  Record& r = out.record;
  const auto given = [dtype](const std::optional<Row>& row, const at::Tensor& otherwise) {
    return row ? tensor_of(*row, dtype) : otherwise;
  };
  r.logits = tensor_of(s.logits, dtype).requires_grad_(true);
  const int64_t T = r.logits.size(0), E = r.logits.size(1);
  const at::Tensor ones = at::ones({E}, dtype), zeros = at::zeros({E}, dtype);
  r.scores = s.gate == "softmax" ? at::softmax(r.logits, 1) : at::sigmoid(r.logits);
  r.probs = s.gate == "softmax" ? r.scores : r.scores / r.scores.sum(1, /*keepdim=*/true);

  out.bias = given(s.bias, zeros);
  // A stable sort, not topk: equal scores fall in the order of their experts on every machine.
  const at::Tensor order = std::get<1>(
      at::sort(r.scores.detach() + out.bias, /*stable=*/true, /*dim=*/1, /*descending=*/true));
  r.chosen = at::zeros({T, E}, dtype).scatter(1, order.slice(1, 0, s.top_k), 1.0);
  r.load = r.chosen.sum(0) / static_cast<double>(T * s.top_k);

  const at::Tensor mean = r.probs.mean(0);
  r.probs_global =
      s.probs_global ? mean + (tensor_of(*s.probs_global, dtype) - mean).detach() : mean;
  r.load_global = given(s.load_global, r.load);
  r.load_ema = given(s.load_ema, r.load);
  r.cost = given(s.cost, ones);
  r.is_null = given(s.is_null, zeros);
  r.device = s.device ? tensor_of(*s.device, dtype) : at::ones({E, 1}, dtype);
  r.num_sequences = s.num_sequences;
  r.top_k = s.top_k;
  r.progress = s.progress;
  r.depth = s.depth;
  return out;
}

Answer answer_at(const candidate::Program& program, const State& state) {
  const StateRecord s = make_state(state);
  const Record& r = s.record;
  at::Tensor value = at::zeros({}, at::kDouble), grad = at::zeros_like(r.logits);
  if (program.loss) {
    value = balance_loss(program, r);
    grad = gradient(value, r.logits);
  }
  Answer answer;
  answer.finite = at::isfinite(value).item<bool>() && at::isfinite(grad).all().item<bool>();
  answer.json = "{\"value\":";
  append(answer.json, value.detach());
  answer.json += ",\"grad_logits\":";
  append(answer.json, grad);
  answer.json += ",\"bias\":";
  if (program.bias) {
    const at::Tensor bias = selection_bias(program, r, s.bias);
    answer.finite = answer.finite && at::isfinite(bias).all().item<bool>();
    append(answer.json, bias);
  } else {
    answer.json += "null";
  }
  answer.json += "}";
  return answer;
}

}  // namespace ballast::trainer
