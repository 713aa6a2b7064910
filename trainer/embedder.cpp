#include "trainer/embedder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include "common/error.h"
#include "common/json.h"
#include "trainer/pch.h"
#include "trainer/safetensors.h"

namespace ballast::trainer {
namespace {

constexpr int64_t kMostTokens = 256;  // encoded together, [CLS] and [SEP] among them
constexpr size_t kLongestText = 64 * 1024;
constexpr int64_t kLargest = 1 << 20;  // of any size in config.json

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  if (in) text << in.rdbuf();
  require(in.good(), "cannot read " + path.string());
  return text.str();
}

at::Tensor read_tensor(SafeTensors& file, const std::string& name,
                       const std::vector<int64_t>& shape) {
  const std::vector<float> values = file.read(name, shape);
  at::Tensor out = at::empty(shape, at::kFloat);
  std::memcpy(out.mutable_data_ptr<float>(), values.data(), values.size() * sizeof(float));
  return out;
}

int64_t size_in(const Json& json, const char* key) {
  const auto it = json.find(key);
  require(it != json.end() && it->is_number_integer() && *it > 0 && *it <= kLargest,
          std::string(key) + " is missing, or no size");
  return it->get<int64_t>();
}

}  // namespace

EncoderSpec parse_encoder_spec(std::string_view text) {
  const Json json = parse_json(text, "it");
  require(json.is_object(), "it is no JSON object");
  require(json.value("model_type", Json()) == "bert", "model_type is not \"bert\"");
  require(json.value("hidden_act", Json()) == "gelu", "hidden_act is not \"gelu\"");
  require(json.value("position_embedding_type", Json("absolute")) == "absolute",
          "position_embedding_type is not \"absolute\"");
  EncoderSpec spec;
  spec.layers = size_in(json, "num_hidden_layers");
  spec.heads = size_in(json, "num_attention_heads");
  spec.width = size_in(json, "hidden_size");
  spec.inner_width = size_in(json, "intermediate_size");
  spec.positions = size_in(json, "max_position_embeddings");
  const Json epsilon = json.value("layer_norm_eps", Json());
  require(epsilon.is_number() && epsilon > 0 && epsilon < 1,
          "layer_norm_eps is missing, or not between 0 and 1");
  spec.epsilon = epsilon.get<double>();
  require(spec.layers <= 1000, "more than 1000 layers");
  require(spec.width % spec.heads == 0, "hidden_size is no multiple of num_attention_heads");
  require(spec.positions > 2, "max_position_embeddings leaves no room for a text");
  return spec;
}

namespace {

EncoderSpec read_spec(const std::filesystem::path& path) {
  try {
    return parse_encoder_spec(read_text(path));
  } catch (const Error& e) {
    throw Error(path.string() + " describes no encoder that this program knows: " + e.what());
  }
}

}  // namespace

Embedder::Embedder(const std::filesystem::path& folder)
    : spec_(read_spec(folder / "config.json")), tokenizer_(folder / "vocab.txt") {
  SafeTensors file(folder / "model.safetensors");
  const int64_t D = spec_.width;
  const std::string prefix = file.has("bert.embeddings.word_embeddings.weight") ? "bert." : "";
  const auto table = [&](const std::string& name, int64_t rows) {
    return read_tensor(file, prefix + "embeddings." + name, {rows, D});
  };
  words_ = table("word_embeddings.weight", tokenizer_.size());
  positions_ = table("position_embeddings.weight", spec_.positions);
  const std::string types = prefix + "embeddings.token_type_embeddings.weight";
  const std::vector<int64_t>& shape = file.shape(types);
  require(!shape.empty(), "the tensor " + types + " is no table");
  positions_ += read_tensor(file, types, {shape[0], D})[0];
  input_norm_ = {read_tensor(file, prefix + "embeddings.LayerNorm.weight", {D}),
                 read_tensor(file, prefix + "embeddings.LayerNorm.bias", {D})};
  for (int64_t i = 0; i < spec_.layers; ++i)
    layers_.push_back(read_layer(file, prefix + "encoder.layer." + std::to_string(i) + "."));
}

Embedder::Layer Embedder::read_layer(SafeTensors& file, const std::string& prefix) const {
  const int64_t D = spec_.width, F = spec_.inner_width;
  const auto linear = [&](const std::string& name, int64_t out, int64_t in) {
    return Linear{read_tensor(file, prefix + name + ".weight", {out, in}),
                  read_tensor(file, prefix + name + ".bias", {out})};
  };
  const auto norm = [&](const std::string& name) {
    return Norm{read_tensor(file, prefix + name + ".weight", {D}),
                read_tensor(file, prefix + name + ".bias", {D})};
  };
  return {.query = linear("attention.self.query", D, D),
          .key = linear("attention.self.key", D, D),
          .value = linear("attention.self.value", D, D),
          .output = linear("attention.output.dense", D, D),
          .inner = linear("intermediate.dense", F, D),
          .outer = linear("output.dense", D, F),
          .after_attention = norm("attention.output.LayerNorm"),
          .after_inner = norm("output.LayerNorm")};
}

at::Tensor Embedder::normed(const at::Tensor& x, const Norm& norm) const {
  return at::layer_norm(x, {spec_.width}, norm.weight, norm.bias, spec_.epsilon);
}

at::Tensor Embedder::attention(const Layer& layer, const at::Tensor& x) const {
  const int64_t T = x.size(0), H = spec_.heads, d = spec_.width / H;
  const auto heads = [&](const Linear& to) {  // (H,T,d)
    return at::linear(x, to.weight, to.bias).view({T, H, d}).transpose(0, 1);
  };
  const at::Tensor scores = at::matmul(heads(layer.query), heads(layer.key).transpose(1, 2)) /
                            std::sqrt(static_cast<double>(d));
  const at::Tensor mixed = at::matmul(scores.softmax(-1), heads(layer.value));
  return at::linear(mixed.transpose(0, 1).reshape({T, H * d}), layer.output.weight,
                    layer.output.bias);
}

at::Tensor Embedder::encode(const std::vector<int64_t>& ids) const {
  const auto T = static_cast<int64_t>(ids.size());
  const at::Tensor index = at::empty({T}, at::kLong);
  std::ranges::copy(ids, index.mutable_data_ptr<int64_t>());
  at::Tensor x = normed(words_.index_select(0, index) + positions_.slice(0, 0, T), input_norm_);
  for (const Layer& layer : layers_) {
    x = normed(x + attention(layer, x), layer.after_attention);
    const at::Tensor inner = at::gelu(at::linear(x, layer.inner.weight, layer.inner.bias));
    x = normed(x + at::linear(inner, layer.outer.weight, layer.outer.bias), layer.after_inner);
  }
  return x;
}

std::vector<float> Embedder::embed(std::string_view text) const {
  require(text.size() <= kLongestText, "embedding a text of " + std::to_string(text.size()) +
                                           " bytes: at most 64 KiB are embedded");
  const c10::NoGradGuard no_gradient;
  const std::vector<int64_t> ids = tokenizer_.ids(text);
  const auto run = static_cast<size_t>(std::min(kMostTokens, spec_.positions) - 2);
  at::Tensor sum = at::zeros({spec_.width}, at::kFloat);
  for (size_t at = 0; at == 0 || at < ids.size(); at += run) {
    std::vector<int64_t> part{tokenizer_.start()};
    part.insert(part.end(), ids.begin() + static_cast<ptrdiff_t>(at),
                ids.begin() + static_cast<ptrdiff_t>(std::min(at + run, ids.size())));
    part.push_back(tokenizer_.end());
    sum += encode(part).sum(0);
  }
  const double length = sum.norm().item<double>();
  require(std::isfinite(length) && length > 0,
          "the vector of a text has the length " + std::to_string(length) +
              ": the weights are not those of a trained encoder");
  const at::Tensor unit = sum / length;
  const float* values = unit.const_data_ptr<float>();
  return {values, values + spec_.width};
}

}  // namespace ballast::trainer
