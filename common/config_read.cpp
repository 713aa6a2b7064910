// TOML files and key=value overrides into values; config.cpp judges them.
#include <toml++/toml.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <optional>

#include "common/config_internal.h"
#include "common/error.h"

namespace ballast {
namespace {

std::string place(std::string_view file, const toml::source_region& region) {
  return std::string(file) + ":" + std::to_string(region.begin.line);
}

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
  throw Error(where + ": " + why, ExitCode::kUsage);
}

ConfigValue value_of(const toml::array& array, const std::string& where, const std::string& key) {
  Texts texts;
  Ints numbers;
  for (const toml::node& node : array) {
    if (const auto text = node.value_exact<std::string>()) texts.push_back(*text);
    if (node.is_number()) {
      const std::optional<int64_t> number = node.value<int64_t>();  // nullopt when not whole
      if (!number) refuse(where, key + ": expected whole numbers in the list");
      numbers.push_back(*number);
    }
  }
  if (texts.size() == array.size()) return texts;
  if (numbers.size() == array.size()) return numbers;
  refuse(where, key + ": expected a list of texts or a list of whole numbers");
}

ConfigValue value_of(const toml::node& node, const std::string& where, const std::string& key) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<int64_t>()) return *number;
  if (const auto number = node.value_exact<double>()) return *number;
  if (const auto flag = node.value_exact<bool>()) return *flag;
  if (const toml::array* array = node.as_array()) return value_of(*array, where, key);
  refuse(where, key + ": dates and times are not used in a configuration");
}

bool is_table_of_ours(const std::string& key) {
  for (const ConfigField& field : config_fields()) {
    if (field.key.starts_with(key + ".")) return true;
  }
  return false;
}

void apply_table(Config& config, const toml::table& table, const std::string& prefix,
                 std::string_view file) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    const std::string where = place(file, name.source());
    if (const toml::table* inner = node.as_table(); inner != nullptr && is_table_of_ours(key)) {
      apply_table(config, *inner, key + ".", file);
      continue;
    }
    const ConfigField* field = find_field(key);
    if (field == nullptr) unknown_key(key, where);
    if (node.is_table())
      refuse(where,
             key + ": expected " + std::string(type_name(field->member)) + ", found a table");
    assign(config, *field, value_of(node, where, key), where);
  }
}

// Numbers as on a command line: 150_000, 2e6, -0.5.
std::optional<ConfigValue> number_of(std::string text) {
  std::erase(text, '_');
  const char *begin = text.data(), *end = begin + text.size();
  Int whole = 0;
  if (const auto r = std::from_chars(begin, end, whole); r.ec == std::errc() && r.ptr == end) {
    return ConfigValue(whole);
  }
  Real real = 0;
  const auto r = std::from_chars(begin, end, real);
  if (r.ec == std::errc() && r.ptr == end) return ConfigValue(real);
  return std::nullopt;
}

// "a,b" or "[a, b]", blanks and quotes around the entries dropped.
std::vector<std::string> entries(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    std::string_view one = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const size_t first = one.find_first_not_of(" \"'"), last = one.find_last_not_of(" \"'");
    if (first != std::string_view::npos) out.emplace_back(one.substr(first, last - first + 1));
  }
  return out;
}

// The text after '=' as the type of the field asks for; what does not fit stays a Text, and
// assign() says what was expected.
struct ReadAs {
  const std::string& text;
  ConfigValue operator()(Text Config::*) const { return text; }
  ConfigValue operator()(Int Config::*) const { return number_of(text).value_or(text); }
  ConfigValue operator()(Real Config::*) const { return number_of(text).value_or(text); }
  ConfigValue operator()(Flag Config::*) const {
    if (text == "true") return true;
    if (text == "false") return false;
    return text;
  }
  ConfigValue operator()(Texts Config::*) const { return entries(text); }
  ConfigValue operator()(Ints Config::*) const {
    Ints numbers;
    for (const std::string& entry : entries(text)) {
      const std::optional<ConfigValue> number = number_of(entry);
      const std::optional<Int> whole = number ? whole_number(*number) : std::nullopt;
      if (!whole) return text;
      numbers.push_back(*whole);
    }
    return numbers;
  }
};

}  // namespace

void apply_toml(Config& config, std::string_view text, std::string_view file) {
  try {
    apply_table(config, toml::parse(text, file), "", file);
  } catch (const toml::parse_error& error) {
    refuse(place(file, error.source()) + ":" + std::to_string(error.source().begin.column),
           "this is not TOML: " + std::string(error.description()));
  }
}

void apply_override(Config& config, std::string_view key_value, std::string_view where) {
  const size_t equals = key_value.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    refuse(std::string(where), "expected key=value, found \"" + std::string(key_value) + "\"");
  }
  const std::string key(key_value.substr(0, equals)), value(key_value.substr(equals + 1));
  const ConfigField* field = find_field(key);
  if (field == nullptr) unknown_key(key, where);
  assign(config, *field, std::visit(ReadAs{value}, field->member), where);
}

}  // namespace ballast
