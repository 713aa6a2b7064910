#include "common/spec.h"

#include "common/hash.h"
#include "common/spec_json.h"

namespace ballast {
namespace {

struct PresetRow {
  const char* name;
  int64_t width, layers, experts, top_k, expert_width, heads;
  int64_t sequence, sequences, micro_batches;
  double learning_rate;
};

// docs/design.md, section 4. Heads are 16 wide up to `small`, 64 wide above it.
constexpr PresetRow kPresets[] = {
    {"tiny", 64, 3, 16, 2, 64, 4, 128, 2, 4, 4e-3},
    {"small", 128, 4, 16, 2, 256, 8, 128, 2, 4, 2e-3},
    {"base", 256, 6, 32, 4, 256, 4, 256, 4, 8, 1e-3},
    {"large", 512, 12, 64, 8, 256, 8, 512, 4, 16, 6e-4},
};

// One table says each field once: writing and reading are loops over it.
template <class Visit>
void fields(ModelSpec& m, Visit&& visit) {
  visit("vocab", m.vocab);
  visit("width", m.width);
  visit("layers", m.layers);
  visit("experts", m.experts);
  visit("top_k", m.top_k);
  visit("expert_width", m.expert_width);
  visit("heads", m.heads);
  visit("null_experts", m.null_experts);
  visit("shared_experts", m.shared_experts);
  visit("dense_layers", m.dense_layers);
  visit("gate", m.gate);
  visit("renormalise", m.renormalise);
}

template <class Visit>
void fields(ScheduleSpec& s, Visit&& visit) {
  visit("sequence", s.sequence);
  visit("sequences", s.sequences);
  visit("micro_batches", s.micro_batches);
  visit("window", s.window);
  visit("learning_rate", s.learning_rate);
  visit("weight_decay", s.weight_decay);
  visit("beta1", s.beta1);
  visit("beta2", s.beta2);
  visit("warmup", s.warmup);
  visit("decay", s.decay);
  visit("bias_rate", s.bias_rate);
}

void read(ObjectReader& in, const char* key, int64_t& x) { x = in.integer(key); }
void read(ObjectReader& in, const char* key, double& x) { x = in.number(key); }
void read(ObjectReader& in, const char* key, bool& x) { x = in.boolean(key); }
void read(ObjectReader& in, const char* key, std::string& x) { x = in.text(key); }

template <class Spec>
Json write_fields(Spec spec) {
  Json j = Json::object();
  fields(spec, [&](const char* key, const auto& value) { j[key] = value; });
  return j;
}

template <class Spec>
Spec read_fields(const Json& json, const char* what) {
  Spec spec;
  ObjectReader in(json, what);
  fields(spec, [&](const char* key, auto& value) { read(in, key, value); });
  in.done();
  return spec;
}

}  // namespace

TrainSpec preset(std::string_view name) {
  for (const PresetRow& row : kPresets) {
    if (name != row.name) continue;
    TrainSpec spec;
    spec.preset = row.name;
    spec.model.width = row.width;
    spec.model.layers = row.layers;
    spec.model.experts = row.experts;
    spec.model.top_k = row.top_k;
    spec.model.expert_width = row.expert_width;
    spec.model.heads = row.heads;
    spec.schedule.sequence = row.sequence;
    spec.schedule.sequences = row.sequences;
    spec.schedule.micro_batches = row.micro_batches;
    spec.schedule.learning_rate = row.learning_rate;
    return spec;
  }
  std::string known;
  for (const PresetRow& row : kPresets) known += std::string(known.empty() ? "" : ", ") + row.name;
  throw Error("unknown preset \"" + std::string(name) + "\": choose one of " + known,
              ExitCode::kUsage);
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const PresetRow& row : kPresets) names.emplace_back(row.name);
  return names;
}

Json json_of(const TrainSpec& spec) {
  return {{"preset", spec.preset},
          {"model", write_fields(spec.model)},
          {"schedule", write_fields(spec.schedule)},
          {"data_hash", spec.data_hash},
          {"score_tokens", spec.score_tokens}};
}

TrainSpec train_spec_of(const Json& json) {
  ObjectReader in(json, "spec");
  TrainSpec spec;
  spec.preset = in.text("preset");
  spec.model = read_fields<ModelSpec>(in.any("model"), "spec.model");
  spec.schedule = read_fields<ScheduleSpec>(in.any("schedule"), "spec.schedule");
  spec.data_hash = in.text("data_hash");
  spec.score_tokens = in.integer("score_tokens");
  in.done();
  return spec;
}

std::string to_json(const TrainSpec& spec) { return json_of(spec).dump(); }

TrainSpec train_spec_from_json(std::string_view json) {
  return train_spec_of(parse_json(json, "a training spec"));
}

std::string spec_hash(const TrainSpec& spec) { return sha256_hex(to_json(spec)).substr(0, 16); }

}  // namespace ballast
