#include "common/config.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>

#include "common/builtins.h"
#include "common/config_internal.h"
#include "common/error.h"
#include "common/nearest.h"

namespace ballast {
namespace {

constexpr double kMaxWhole = 9007199254740992.0;  // 2^53: every whole number up to it is a double

ConfigRange at_least(double low) { return {.low = low, .high = HUGE_VAL, .choices = {}}; }
ConfigRange above(double low) {
  return {.low = low, .high = HUGE_VAL, .open = true, .choices = {}};
}
ConfigRange any() { return at_least(-HUGE_VAL); }
template <class Low, class High>
ConfigRange between(Low low, High high) {
  return {.low = static_cast<double>(low), .high = static_cast<double>(high), .choices = {}};
}
ConfigRange one_of(std::vector<std::string> choices) {
  return {.low = -HUGE_VAL, .high = HUGE_VAL, .choices = std::move(choices)};
}

std::vector<ConfigField> make_table() {
  std::vector<ConfigField> rows;
  std::string_view section;
#define SECTION(title) section = title;
#define FIELD(type, member, key, initial, unit, range, help) \
  rows.push_back({section, key, &Config::member, unit, range, help});
#include "common/config.def"
  return rows;
}

[[noreturn]] void refuse(std::string_view where, const ConfigField& field, const std::string& why) {
  throw Error(std::string(where) + ": " + std::string(field.key) + ": " + why, ExitCode::kUsage);
}

std::string shown(const ConfigValue& value) {
  struct Show {
    std::string operator()(const Text& x) const { return "\"" + x + "\""; }
    std::string operator()(Int x) const { return std::to_string(x); }
    std::string operator()(Real x) const { return format_number(x); }
    std::string operator()(Flag x) const { return x ? "true" : "false"; }
    std::string operator()(const Texts&) const { return "a list of texts"; }
    std::string operator()(const Ints&) const { return "a list of numbers"; }
  };
  return std::visit(Show{}, value);
}

// The conversions that lose nothing; nullopt for all others.
template <class T>
std::optional<T> convert(const ConfigValue& value) {
  if (const T* same = std::get_if<T>(&value)) return *same;
  if constexpr (std::is_same_v<T, Real>) {
    if (const Int* whole = std::get_if<Int>(&value)) return static_cast<Real>(*whole);
  } else if constexpr (std::is_same_v<T, Int>) {
    const Real* real = std::get_if<Real>(&value);
    if (real != nullptr && std::trunc(*real) == *real && std::abs(*real) <= kMaxWhole) {
      return static_cast<Int>(*real);
    }
  } else if constexpr (std::is_same_v<T, Texts>) {
    if (const Text* text = std::get_if<Text>(&value)) return Texts{*text};
    if (const Ints* none = std::get_if<Ints>(&value); none != nullptr && none->empty())
      return Texts{};
  } else if constexpr (std::is_same_v<T, Ints>) {
    if (const std::optional<Int> one = convert<Int>(value)) return Ints{*one};
    if (const Texts* none = std::get_if<Texts>(&value); none != nullptr && none->empty())
      return Ints{};
  }
  return std::nullopt;
}

void check_number(double x, const ConfigField& field, std::string_view where) {
  const ConfigRange& r = field.range;
  if (!std::isfinite(x)) refuse(where, field, format_number(x) + " is not a finite number");
  if (x < r.low || x > r.high || (r.open && x == r.low)) {
    refuse(where, field,
           format_number(x) + " is out of range: " + describe(r) +
               (field.unit.empty() ? "" : " " + std::string(field.unit)));
  }
}

struct CheckRange {
  const ConfigField& field;
  std::string_view where;
  void operator()(const Text& x) const {
    const std::vector<std::string>& words = field.range.choices;
    if (!words.empty() && std::find(words.begin(), words.end(), x) == words.end()) {
      refuse(where, field, "\"" + x + "\" is not known: " + describe(field.range));
    }
    if (!is_plain_text(x)) refuse(where, field, "the text is not UTF-8, or has a zero byte");
  }
  void operator()(Int x) const { check_number(static_cast<double>(x), field, where); }
  void operator()(Real x) const { check_number(x, field, where); }
  void operator()(Flag) const {}
  void operator()(const Texts& x) const {
    for (const std::string& word : x) (*this)(word);
  }
  void operator()(const Ints& x) const {
    for (const int64_t number : x) (*this)(number);
  }
};

}  // namespace

std::optional<Int> whole_number(const ConfigValue& value) { return convert<Int>(value); }

const std::vector<ConfigField>& config_fields() {
  static const std::vector<ConfigField> table = make_table();
  return table;
}

const ConfigField* find_field(std::string_view key) {
  const auto& rows = config_fields();
  const auto it =
      std::find_if(rows.begin(), rows.end(), [&](const auto& f) { return f.key == key; });
  return it == rows.end() ? nullptr : &*it;
}

void unknown_key(std::string_view key, std::string_view where) {
  std::vector<std::string_view> keys;
  for (const ConfigField& field : config_fields()) keys.push_back(field.key);
  throw Error(std::string(where) + ": there is no key \"" + std::string(key) +
                  "\"; the nearest is \"" + std::string(nearest(key, keys)) +
                  "\" (all of them: ballast config)",
              ExitCode::kUsage);
}

void assign(Config& config, const ConfigField& field, const ConfigValue& value,
            std::string_view where) {
  std::visit(
      [&]<class T>(T Config::*member) {
        const std::optional<T> converted = convert<T>(value);
        if (!converted) {
          refuse(where, field,
                 "expected " + std::string(type_name(field.member)) + ", found " + shown(value));
        }
        CheckRange{field, where}(*converted);
        config.*member = *converted;
      },
      field.member);
}

Config load_config(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  Config config;
  if (!file.empty()) {
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    if (in && in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
    if (!in) {
      throw Error("cannot read the configuration " + file.string() +
                      (std::filesystem::is_directory(file)
                           ? ": it is a folder"
                           : ": start one with `ballast config > " + file.string() + "`"),
                  ExitCode::kUsage);
    }
    apply_toml(config, text.str(), file.string());
  }
  for (const std::string& text : overrides) apply_override(config, text, "command line");
  check(config);
  return config;
}

void check(const Config& config) {
  const auto refuse_if = [](bool bad, const std::string& why) {
    if (bad) throw Error("configuration: " + why, ExitCode::kUsage);
  };
  const Ints &tokens = config.rung_tokens, &seeds = config.rung_seeds;
  refuse_if(tokens.size() < 2 || tokens.size() > 3, "rungs.tokens: two or three rungs are needed");
  refuse_if(tokens.size() != seeds.size(),
            "rungs.tokens has " + std::to_string(tokens.size()) + " entries, rungs.seeds " +
                std::to_string(seeds.size()) + ": give each rung both");
  for (size_t i = 1; i < tokens.size(); ++i) {
    refuse_if(tokens[i] < tokens[i - 1], "rungs.tokens must not shrink from rung to rung");
  }
  refuse_if(std::find(config.builtins.begin(), config.builtins.end(), config.reference) ==
                config.builtins.end(),
            "builtins: the reference " + config.reference + " is not among them");
  refuse_if(seeds.front() != 1,
            "rungs.seeds: rung 1 has one seed, on which coefficients are chosen");
  const int64_t step = tokens_per_step(train_spec(config).schedule);
  refuse_if(tokens.front() < step, "rungs.tokens: one optimizer step takes " +
                                       std::to_string(step) + " tokens, the first rung has " +
                                       std::to_string(tokens.front()));
  refuse_if(config.archive.empty(), "archive: give the name of a file");
  const std::string& device = config.device;
  const bool numbered = device.starts_with("cuda:") && device.size() > 5 && device.size() < 9 &&
                        device.find_first_not_of("0123456789", 5) == std::string::npos;
  refuse_if(device != "cpu" && device != "cuda" && !numbered,
            "device: \"" + device + "\" is not known: cpu, cuda or cuda:N");
}

TrainSpec train_spec(const Config& config) {
  TrainSpec spec = preset(config.preset);
  spec.schedule.window = config.window;
  if (config.sequences > 0) spec.schedule.sequences = config.sequences;
  if (config.micro_batches > 0) spec.schedule.micro_batches = config.micro_batches;
  if (config.learning_rate > 0) spec.schedule.learning_rate = config.learning_rate;
  spec.score_tokens = config.score_tokens;
  return spec;
}

}  // namespace ballast
