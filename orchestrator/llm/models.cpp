#include "orchestrator/llm/models.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include "common/error.h"
#include "common/nearest.h"
#include "orchestrator/llm/wire.h"

namespace ballast::orchestrator {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
  throw Error(where + ": " + why, ExitCode::kUsage);
}

// One table: every key is asked for by name, and what is left over is an error.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string_view file, std::string what)
      : table_(table), file_(file), what_(std::move(what)) {}

  std::string where() const { return place(table_.source()); }
  std::string where(std::string_view key) const {
    const toml::node* node = table_.get(key);
    return node != nullptr ? place(node->source()) : where();
  }

  const toml::node* find(std::string_view key) {
    known_.push_back(key);
    return table_.get(key);
  }
  std::string text(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return "";
    const auto value = node->value_exact<std::string>();
    if (!value) refuse(where(key), std::string(key) + ": expected a text");
    return *value;
  }
  std::string needed_text(std::string_view key, const std::string& example) {
    const std::string value = text(key);
    if (value.empty())
      refuse(where(), what_ + ": " + std::string(key) + " is missing (e.g. " + example + ")");
    return value;
  }
  bool flag(std::string_view key, bool otherwise) {
    const toml::node* node = find(key);
    if (node == nullptr) return otherwise;
    const auto value = node->value_exact<bool>();
    if (!value) refuse(where(key), std::string(key) + ": expected true or false");
    return *value;
  }
  std::optional<double> number(std::string_view key, double low, double high) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    std::optional<double> value;
    if (node->is_number()) value = node->value<double>();
    if (!value) refuse(where(key), std::string(key) + ": expected a number");
    if (!(*value >= low && *value <= high)) {
      std::ostringstream range;
      range << key << ": " << *value << " is out of range: " << low << " to " << high;
      refuse(where(key), range.str());
    }
    return value;
  }
  std::optional<int64_t> whole(std::string_view key, double low, double high) {
    const auto value = number(key, low, high);
    if (value && std::trunc(*value) != *value)
      refuse(where(key), std::string(key) + ": expected a whole number");
    return value ? std::optional(static_cast<int64_t>(*value)) : std::nullopt;
  }
  const toml::table* table(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) refuse(where(key), std::string(key) + ": expected a table { ... }");
    return node->as_table();
  }
  // nullptr without it; where each of them stands is in the nodes.
  const toml::array* list(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    if (!node->is_array()) refuse(where(key), std::string(key) + ": expected a list [ ... ]");
    return node->as_array();
  }
  void done() const {
    for (const auto& [key, node] : table_)
      if (std::find(known_.begin(), known_.end(), key.str()) == known_.end())
        refuse(place(key.source()), what_ + ": there is no key \"" + std::string(key.str()) +
                                        "\"; the nearest is \"" +
                                        std::string(nearest(key.str(), known_)) + "\"");
  }

 private:
  std::string place(const toml::source_region& region) const {
    return std::string(file_) + ":" + std::to_string(region.begin.line);
  }
  const toml::table& table_;
  std::string_view file_;
  std::string what_;
  std::vector<std::string_view> known_;
};

constexpr double kMostUsd = 1e6;  // per million tokens

Rates read_rates(TableReader& in) {
  Rates rates;
  const auto input = in.number("input", 0, kMostUsd), output = in.number("output", 0, kMostUsd);
  if (!input || !output) refuse(in.where(), "price: input and output are needed (USD per million)");
  rates.input = *input;
  rates.output = *output;
  rates.cache_read = in.number("cache_read", 0, kMostUsd).value_or(*input);
  rates.cache_write = in.number("cache_write", 0, kMostUsd).value_or(*input);
  rates.cache_write_1h = in.number("cache_write_1h", 0, kMostUsd).value_or(rates.cache_write);
  return rates;
}

Price read_price(const toml::table& table, std::string_view file) {
  TableReader in(table, file, "price");
  Price price;
  price.rates = read_rates(in);
  if (const toml::table* more = in.table("long")) {
    TableReader above(*more, file, "price.long");
    const auto tokens = above.whole("above", 1, 1e12);
    if (!tokens) refuse(above.where(), "price.long: above is missing (tokens of prompt)");
    price.long_above = *tokens;
    price.long_rates = read_rates(above);
    above.done();
  }
  in.done();
  return price;
}

std::vector<Use> read_uses(TableReader& in, const toml::array& list) {
  const std::string where = in.where("uses");
  std::vector<Use> uses;
  for (const toml::node& node : list) {
    const auto text = node.value_exact<std::string>();
    const auto use = parse_use(text.value_or(""));
    if (!use)
      refuse(where, "uses: " + (text ? "\"" + *text + "\" is not known" : "expected texts") +
                        ": propose, notes, judge, embed");
    if (std::find(uses.begin(), uses.end(), *use) != uses.end())
      refuse(where, "uses: \"" + *text + "\" is given twice");
    uses.push_back(*use);
  }
  if (uses.empty())
    refuse(where, "uses: it is empty; leave the model out, or give propose, notes, judge or embed");
  return uses;
}

// An embedding model makes vectors, and what shapes text is nothing to it.
void check_embedding(const Model& model, TableReader& in) {
  if (model.uses.size() > 1)
    refuse(in.where("uses"),
           "uses: \"embed\" stands alone: give the embedding model a [[models]] table of its own");
  if (model.provider != Provider::kLocal && !serves_embeddings(model.provider))
    refuse(in.where("provider"),
           "provider: " + std::string(to_string(model.provider)) +
               " does not serve embeddings in OpenAI's form; take local, openai_chat, or "
               "compatible with a base_url");
  if (model.stream) refuse(in.where("stream"), "stream: an embedding comes in one piece");
  for (const char* key : {"max_output_tokens", "temperature", "reasoning_effort"})
    if (in.find(key) != nullptr)
      refuse(in.where(key),
             std::string(key) + ": not for an embedding model, which writes no text");
}

// A model that we run ourselves: there is nobody to reach and nobody to pay.
void check_local(const Model& model, TableReader& in) {
  if (!model.embeds())
    refuse(in.where("provider"),
           "provider: local runs embedding models only: give uses = [\"embed\"]; for a server on "
           "this machine take compatible with a base_url");
  for (const char* key : {"base_url", "key_env", "key_file", "price"})
    if (in.find(key) != nullptr)
      refuse(in.where(key),
             std::string(key) + ": not for provider = \"local\", which is no server");
}

void check(const Model& model, const std::string& where) {
  if (model.provider == Provider::kLocal) return;
  const bool has_key = !model.key_env.empty() || !model.key_file.empty();
  if (!model.key_env.empty() && !model.key_file.empty())
    refuse(where, "key_env and key_file: give one of the two");
  if (model.base_url.find('@') != std::string::npos)
    refuse(where, "base_url: no user or password in it; use key_env or key_file");
  if (!model.base_url.empty() && !model.base_url.starts_with("http://") &&
      !model.base_url.starts_with("https://"))
    refuse(where, "base_url: \"" + model.base_url + "\" must start with https:// or http://");
  if (model.provider == Provider::kCompatible && model.base_url.empty())
    refuse(where, "base_url is missing (e.g. http://127.0.0.1:8080/v1)");
  if (model.provider != Provider::kCompatible && !has_key)
    refuse(where, "key_env or key_file is missing (e.g. key_env = \"OPENAI_API_KEY\")");
}

Model read_model(const toml::table& table, std::string_view file) {
  TableReader in(table, file, "[[models]]");
  Model model;
  model.name = in.needed_text("name", "name = \"small\"");
  const std::string provider = in.needed_text("provider", "provider = \"openai_responses\"");
  const auto parsed = parse_provider(provider);
  if (!parsed)
    refuse(in.where("provider"),
           "provider: \"" + provider +
               "\" is not known: openai_chat, openai_responses, anthropic, gemini, deepseek, "
               "openrouter, compatible, local");
  model.provider = *parsed;
  model.base_url = in.text("base_url");
  model.model = in.needed_text("model", "model = \"gpt-5-mini\"");
  model.key_env = in.text("key_env");
  model.key_file = in.text("key_file");
  model.stream = in.flag("stream", false);
  Sampling& s = model.sampling;
  s.max_output_tokens = in.whole("max_output_tokens", 16, 1e7).value_or(s.max_output_tokens);
  s.temperature = in.number("temperature", 0, 2);
  s.reasoning_effort = in.text("reasoning_effort");
  if (const toml::table* price = in.table("price")) model.price = read_price(*price, file);
  if (const toml::array* uses = in.list("uses")) model.uses = read_uses(in, *uses);
  if (model.embeds()) check_embedding(model, in);
  if (model.provider == Provider::kLocal) check_local(model, in);
  in.done();
  check(model, in.where());
  return model;
}

// What no single table can know.
void check_ensemble(const std::vector<Model>& models, const std::string& file) {
  const auto count = [&](Use use) {
    return std::count_if(models.begin(), models.end(),
                         [&](const Model& m) { return m.used_for(use); });
  };
  if (count(Use::kPropose) == 0)
    refuse(file,
           "no model proposes losses: one needs \"propose\" in its uses (which stands there when "
           "uses is not given)");
  if (count(Use::kEmbed) > 1)
    refuse(file, "two models embed, and vectors of different models cannot be compared: keep one");
}

}  // namespace

std::vector<Model> parse_models(std::string_view text, std::string_view file) {
  toml::table root;
  try {
    root = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    refuse(std::string(file) + ":" + std::to_string(error.source().begin.line),
           "this is not TOML: " + std::string(error.description()));
  }
  std::vector<Model> models;
  std::set<std::string> names;
  TableReader in(root, file, "the models file");
  const toml::node* list = in.find("models");
  in.done();
  if (list == nullptr || !list->is_array_of_tables())
    refuse(std::string(file), "it holds no [[models]] table");
  for (const toml::node& node : *list->as_array()) {
    models.push_back(read_model(*node.as_table(), file));
    if (!names.insert(models.back().name).second)
      refuse(std::string(file) + ":" + std::to_string(node.source().begin.line),
             "name: \"" + models.back().name + "\" is given twice");
  }
  check_ensemble(models, std::string(file));
  return models;
}

std::vector<Model> load_models(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  if (in) text << in.rdbuf();
  if (!in) throw Error("cannot read the models file " + file.string(), ExitCode::kUsage);
  return parse_models(text.str(), file.string());
}

}  // namespace ballast::orchestrator
