// The settings of a run, and everything that is done with them. What there is, with defaults, units
// and help, stands in config.def; docs/config.md is made from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/spec.h"

namespace ballast {

using Text = std::string;
using Int = int64_t;
using Real = double;
using Flag = bool;
using Texts = std::vector<std::string>;
using Ints = std::vector<int64_t>;

struct Config {
#define SECTION(title)
#define FIELD(type, member, key, initial, unit, range, help) type member = initial;
#include "common/config.def"
  bool operator==(const Config&) const = default;
};

using ConfigMember = std::variant<Text Config::*, Int Config::*, Real Config::*, Flag Config::*,
                                  Texts Config::*, Ints Config::*>;

// Which numbers a field takes, or which words. Every number is finite.
struct ConfigRange {
  double low, high;  // both included, but for `low` when `open`
  bool open = false;
  std::vector<std::string> choices;  // when not empty, one of these
};

// One row of config.def.
struct ConfigField {
  std::string_view section;  // title
  std::string_view key;      // "rungs.tokens"
  ConfigMember member;
  std::string_view unit;  // "seconds"; may be empty
  ConfigRange range;
  std::string_view help;  // one line, for people
};
const std::vector<ConfigField>& config_fields();  // in table order

// Each throws Error (usage) that says where (file and line, or `where`), which key and value, what
// is wrong and what would do: syntax, unknown key (with the nearest one), type, range.
// A missing key keeps the value that `config` has.
void apply_toml(Config& config, std::string_view text, std::string_view file);
void apply_override(Config& config, std::string_view key_value, std::string_view where);

// Defaults, then the file (none if empty), then the overrides "key=value" in order; then check().
Config load_config(const std::filesystem::path& file, const std::vector<std::string>& overrides);

// What no single field can know: rungs fit together, the device exists as a name. Throws Error.
void check(const Config& config);

// Of the whole effective configuration. TOML reads back to an equal Config; with help it is what
// `ballast config` prints and what people start their own files from.
enum class Help { kWithout, kAsComments };
std::string to_toml(const Config& config, Help help);
std::string to_json(const Config& config);  // nested like the TOML tables
std::string config_markdown();              // docs/config.md

// SHA-256 (16 hexadecimal digits) of the TOML without help.
std::string config_hash(const Config& config);

// The training that the configuration describes. The corpus's hash is left empty.
TrainSpec train_spec(const Config& config);

}  // namespace ballast
