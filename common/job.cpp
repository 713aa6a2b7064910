#include "common/job.h"

#include "common/spec_json.h"

namespace ballast {
namespace {

constexpr int64_t kMaxTensorBytes = int64_t{1} << 40;

Json header(const char* kind, int64_t attempt) {
  return {{"v", kFrameVersion}, {"kind", kind}, {"attempt", attempt}};
}

// Opens a message of one kind; the caller reads its keys and calls done().
ObjectReader open(const Json& json, const char* kind, int64_t& attempt) {
  ObjectReader in(json, kind);
  if (in.integer("v") != kFrameVersion)
    throw Error(std::string(kind) + ": frame version " + in.any("v").dump() +
                ", this build speaks " + std::to_string(kFrameVersion));
  if (in.text("kind") != kind)
    throw Error("expected a frame of kind " + std::string(kind) + ", found " +
                in.any("kind").dump());
  attempt = in.integer("attempt");
  return in;
}

Json json_of(const DataView& d) {
  return {{"folder", d.folder}, {"split", d.split}, {"domains", d.domains}};
}
DataView data_of(const Json& json) {
  ObjectReader in(json, "data");
  DataView d{in.text("folder"), in.text("split"), in.texts("domains")};
  in.done();
  return d;
}

Json json_of(const std::vector<TensorInfo>& infos) {
  Json j = Json::array();
  for (const TensorInfo& t : infos)
    j.push_back({{"name", t.name}, {"dtype", t.dtype}, {"shape", t.shape}});
  return j;
}
std::vector<TensorInfo> tensors_of(const Json& json) {
  std::vector<TensorInfo> infos;
  for (const Json& j : json) {
    ObjectReader in(j, "tensors[]");
    infos.push_back({in.text("name"), in.text("dtype"), in.integers("shape")});
    in.done();
  }
  (void)bytes_of(infos);  // refuses absurd sizes
  return infos;
}

Json json_of(const Metrics& m) {
  Json scalars = Json::object(), arrays = Json::object();
  for (const auto& [name, value] : m.scalars) scalars[name] = json_number(value);
  for (const auto& [name, values] : m.arrays) {
    Json list = Json::array();
    for (double x : values) list.push_back(json_number(x));
    arrays[name] = std::move(list);
  }
  return {{"scalars", std::move(scalars)}, {"arrays", std::move(arrays)}};
}
Metrics metrics_of(const Json& json) {
  ObjectReader in(json, "metrics");
  Metrics m;
  const Json& scalars = in.any("scalars");
  const Json& arrays = in.any("arrays");
  if (!scalars.is_object() || !arrays.is_object())
    throw Error("metrics: scalars and arrays must be objects");
  for (const auto& [name, value] : scalars.items()) m.scalars[name] = number_from(value, name);
  for (const auto& [name, values] : arrays.items()) {
    if (!values.is_array()) throw Error("metrics." + name + ": expected an array");
    std::vector<double>& out = m.arrays[name];
    out.reserve(values.size());
    for (const Json& x : values) out.push_back(number_from(x, name));
  }
  in.done();
  return m;
}

Json json_of(const std::vector<float>& values) {
  Json list = Json::array();
  for (const float x : values) list.push_back(json_number(static_cast<double>(x)));
  return list;
}
std::vector<float> floats_of(const Json& list, const char* what) {
  std::vector<float> out;
  out.reserve(list.size());
  for (const Json& x : list) out.push_back(static_cast<float>(number_from(x, what)));
  return out;
}

void add_reply(Json& j, const Reply& r) {
  j["outcome"] = std::string(to_string(r.outcome));
  j["message"] = r.message;
}
void read_reply(ObjectReader& in, Reply& r) {
  const std::string text = in.text("outcome");
  const std::optional<Outcome> outcome = parse_outcome(text);
  if (!outcome) throw Error("unknown outcome \"" + text + "\"");
  r.outcome = *outcome;
  r.message = in.text("message");
}

// Messages come from candidates, too: whatever is not UTF-8 is replaced.
std::string dump(const Json& j) { return j.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

int64_t bytes_of(const TensorInfo& info) {
  int64_t bytes = info.dtype == "float32" ? 4 : info.dtype == "int64" ? 8 : 0;
  if (bytes == 0) throw Error("tensor " + info.name + ": unknown dtype \"" + info.dtype + "\"");
  for (int64_t n : info.shape) {
    if (n < 0 || (n > 0 && bytes > kMaxTensorBytes / n))
      throw Error("tensor " + info.name + ": impossible shape");
    bytes *= n;
  }
  return bytes;
}

int64_t bytes_of(const std::vector<TensorInfo>& infos) {
  int64_t total = 0;
  for (const TensorInfo& info : infos) {
    total += bytes_of(info);
    if (total > kMaxTensorBytes) throw Error("tensors are larger than this build handles");
  }
  return total;
}

std::string to_json(const TrainJob& job) {
  Json j = header("train", job.attempt);
  j["spec"] = json_of(job.spec);
  j["data"] = json_of(job.data);
  j["builtin"] = job.balancer.builtin;
  j["source"] = job.balancer.source;
  j["coefficient"] = json_number(job.coefficient);
  j["unit"] = json_number(job.unit);
  j["seed"] = job.seed;
  j["tokens"] = job.tokens;
  j["progress_tokens"] = job.progress_tokens;
  j["device"] = job.device;
  j["curve_points"] = job.curve_points;
  return dump(j);
}

TrainJob parse_train_job(std::string_view text) {
  const Json json = parse_json(text, "a train job");
  TrainJob job;
  ObjectReader in = open(json, "train", job.attempt);
  job.spec = train_spec_of(in.any("spec"));
  job.data = data_of(in.any("data"));
  job.balancer = {in.text("builtin"), in.text("source")};
  job.coefficient = in.number("coefficient");
  job.unit = in.number("unit");
  job.seed = in.natural("seed");
  job.tokens = in.integer("tokens");
  job.progress_tokens = in.integer("progress_tokens");
  job.device = in.text("device");
  job.curve_points = in.integer("curve_points");
  in.done();
  return job;
}

std::string to_json(const ScoreJob& job) {
  Json j = header("score", job.attempt);
  j["spec"] = json_of(job.spec);
  j["data"] = json_of(job.data);
  j["tokens"] = job.tokens;
  j["device"] = job.device;
  j["tensors"] = json_of(job.weights.infos);
  return dump(j);
}

ScoreJob parse_score_job(std::string_view text) {
  const Json json = parse_json(text, "a score job");
  ScoreJob job;
  ObjectReader in = open(json, "score", job.attempt);
  job.spec = train_spec_of(in.any("spec"));
  job.data = data_of(in.any("data"));
  job.tokens = in.integer("tokens");
  job.device = in.text("device");
  job.weights.infos = tensors_of(in.array("tensors"));
  in.done();
  return job;
}

std::string to_json(const ProbeJob& job) {
  Json j = header("probe", job.attempt);
  j["source"] = job.source;
  j["state"] = job.state;
  return dump(j);
}

ProbeJob parse_probe_job(std::string_view text) {
  const Json json = parse_json(text, "a probe job");
  ProbeJob job;
  ObjectReader in = open(json, "probe", job.attempt);
  job.source = in.text("source");
  job.state = in.text("state");
  in.done();
  return job;
}

std::string to_json(const EmbedJob& job) {
  Json j = header("embed", job.attempt);
  j["folder"] = job.folder;
  j["texts"] = job.texts;
  return dump(j);
}

EmbedJob parse_embed_job(std::string_view text) {
  const Json json = parse_json(text, "an embed job");
  EmbedJob job;
  ObjectReader in = open(json, "embed", job.attempt);
  job.folder = in.text("folder");
  job.texts = in.texts("texts");
  in.done();
  return job;
}

std::string to_json(const TrainResult& r) {
  Json j = header("train_result", r.attempt);
  add_reply(j, r);
  j["metrics"] = json_of(r.metrics);
  j["tensors"] = json_of(r.weights.infos);
  return dump(j);
}

TrainResult parse_train_result(std::string_view text) {
  const Json json = parse_json(text, "a train result");
  TrainResult r;
  ObjectReader in = open(json, "train_result", r.attempt);
  read_reply(in, r);
  r.metrics = metrics_of(in.any("metrics"));
  r.weights.infos = tensors_of(in.array("tensors"));
  in.done();
  return r;
}

std::string to_json(const ScoreResult& r) {
  Json j = header("score_result", r.attempt);
  add_reply(j, r);
  j["metrics"] = json_of(r.metrics);
  return dump(j);
}

ScoreResult parse_score_result(std::string_view text) {
  const Json json = parse_json(text, "a score result");
  ScoreResult r;
  ObjectReader in = open(json, "score_result", r.attempt);
  read_reply(in, r);
  r.metrics = metrics_of(in.any("metrics"));
  in.done();
  return r;
}

std::string to_json(const ProbeResult& r) {
  Json j = header("probe_result", r.attempt);
  add_reply(j, r);
  j["has_loss"] = r.has_loss;
  j["has_bias"] = r.has_bias;
  j["order_dependent"] = r.order_dependent;
  j["unit"] = json_number(r.unit);
  j["fingerprint"] = json_of(r.fingerprint);
  j["at"] = r.at_json;
  return dump(j);
}

ProbeResult parse_probe_result(std::string_view text) {
  const Json json = parse_json(text, "a probe result");
  ProbeResult r;
  ObjectReader in = open(json, "probe_result", r.attempt);
  read_reply(in, r);
  r.has_loss = in.boolean("has_loss");
  r.has_bias = in.boolean("has_bias");
  r.order_dependent = in.boolean("order_dependent");
  r.unit = in.number("unit");
  r.fingerprint = floats_of(in.array("fingerprint"), "fingerprint");
  r.at_json = in.text("at");
  in.done();
  return r;
}

std::string to_json(const EmbedResult& r) {
  Json j = header("embed_result", r.attempt);
  add_reply(j, r);
  Json vectors = Json::array();
  for (const std::vector<float>& vector : r.vectors) vectors.push_back(json_of(vector));
  j["vectors"] = std::move(vectors);
  return dump(j);
}

EmbedResult parse_embed_result(std::string_view text) {
  const Json json = parse_json(text, "an embed result");
  EmbedResult r;
  ObjectReader in = open(json, "embed_result", r.attempt);
  read_reply(in, r);
  for (const Json& vector : in.array("vectors")) {
    if (!vector.is_array()) throw Error("vectors: expected arrays");
    r.vectors.push_back(floats_of(vector, "vectors"));
  }
  in.done();
  return r;
}

std::string to_json(const Progress& p) {
  Json j = header("progress", p.attempt);
  j["step"] = p.step;
  j["steps"] = p.steps;
  j["cross_entropy"] = json_number(p.cross_entropy);
  return dump(j);
}

Progress parse_progress(std::string_view text) {
  const Json json = parse_json(text, "a progress frame");
  Progress p;
  ObjectReader in = open(json, "progress", p.attempt);
  p.step = in.integer("step");
  p.steps = in.integer("steps");
  p.cross_entropy = in.number("cross_entropy");
  in.done();
  return p;
}

std::string to_json(const Metrics& metrics) { return dump(json_of(metrics)); }

Metrics parse_metrics(std::string_view text) { return metrics_of(parse_json(text, "metrics")); }

std::string kind_of(std::string_view text) {
  const Json json = parse_json(text, "a frame");
  return json.is_object() && json.contains("kind") && json["kind"].is_string()
             ? json["kind"].get<std::string>()
             : throw Error("a frame without \"kind\"");
}

}  // namespace ballast
