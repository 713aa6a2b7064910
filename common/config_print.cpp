// The configuration as TOML, JSON, hash and documentation.
#include <charconv>
#include <cmath>

#include "common/config_internal.h"
#include "common/hash.h"
#include "common/json.h"

namespace ballast {
namespace {

std::string quoted(const std::string& text) { return Json(text).dump(); }  // also valid TOML

struct ToToml {
  std::string operator()(const Text& x) const { return quoted(x); }
  std::string operator()(Int x) const { return std::to_string(x); }
  std::string operator()(Real x) const { return format_number(x); }
  std::string operator()(Flag x) const { return x ? "true" : "false"; }
  template <class T>
  std::string operator()(const std::vector<T>& list) const {
    std::string out = "[";
    for (const T& x : list) out += (out.size() > 1 ? ", " : "") + (*this)(x);
    return out + "]";
  }
};

// "rungs" and "tokens" of "rungs.tokens"; "" and "seed" of "seed".
std::pair<std::string_view, std::string_view> split(std::string_view key) {
  const size_t dot = key.find('.');
  if (dot == std::string_view::npos) return {"", key};
  return {key.substr(0, dot), key.substr(dot + 1)};
}

// What stands behind the help of a field: "(seconds; at least 0)".
std::string small_print(const ConfigField& field) {
  std::string out(field.unit);
  const std::string range = describe(field.range);
  if (!range.empty()) out += (out.empty() ? "" : "; ") + range;
  return out;
}

// "# " before each line of at most 100 columns.
std::string comment(const std::string& text) {
  constexpr size_t kWidth = 98;
  std::string out, line = "#";
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (line.size() + 1 + (end - at) > kWidth) {
      out += line + "\n";
      line = "#";
    }
    line += " " + text.substr(at, end - at);
    at = end + 1;
  }
  return out + line + "\n";
}

std::string escaped(std::string text) {  // for a cell of a Markdown table
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    text.insert(at, "\\");
  return text;
}

}  // namespace

bool is_plain_text(const std::string& text) {
  // What the JSON library cannot print comes out as U+FFFD, and so differs.
  const std::string printed = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.find('\0') == std::string::npos && Json::parse(printed) == text;
}

std::string format_number(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  char text[32];
  const bool whole = std::trunc(x) == x && std::abs(x) < 1e15;  // 100000, not 1e+05
  const auto result = whole ? std::to_chars(text, text + sizeof text, static_cast<int64_t>(x))
                            : std::to_chars(text, text + sizeof text, x);
  return std::string(text, result.ptr);
}

std::string describe(const ConfigRange& range) {
  if (!range.choices.empty()) {
    std::string out;
    for (const std::string& word : range.choices) out += (out.empty() ? "one of " : ", ") + word;
    return out;
  }
  if (std::isinf(range.low)) return "";
  if (range.open) return "above " + format_number(range.low);
  if (std::isinf(range.high)) return "at least " + format_number(range.low);
  return format_number(range.low) + " to " + format_number(range.high);
}

std::string_view type_name(const ConfigMember& member) {
  struct Name {
    std::string_view operator()(Text Config::*) const { return "a text"; }
    std::string_view operator()(Int Config::*) const { return "a whole number"; }
    std::string_view operator()(Real Config::*) const { return "a number"; }
    std::string_view operator()(Flag Config::*) const { return "true or false"; }
    std::string_view operator()(Texts Config::*) const { return "a list of texts"; }
    std::string_view operator()(Ints Config::*) const { return "a list of whole numbers"; }
  };
  return std::visit(Name{}, member);
}

std::string toml_value(const Config& config, const ConfigField& field) {
  return std::visit([&](const auto member) { return ToToml{}(config.*member); }, field.member);
}

std::string to_toml(const Config& config, Help help) {
  const bool with_help = help == Help::kAsComments;
  std::string out;
  std::string_view section, table;
  for (const ConfigField& field : config_fields()) {
    const auto [prefix, name] = split(field.key);
    if (with_help && field.section != section) {
      out += std::string(out.empty() ? "" : "\n") + "# --- " + std::string(field.section) + "\n";
    }
    section = field.section;
    if (prefix != table) out += "[" + std::string(prefix) + "]\n";
    table = prefix;
    if (with_help) {
      const std::string more = small_print(field);
      out += comment(std::string(field.help) + (more.empty() ? "" : " (" + more + ")"));
    }
    out += std::string(name) + " = " + toml_value(config, field) + "\n";
  }
  return out;
}

std::string to_json(const Config& config) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  for (const ConfigField& field : config_fields()) {
    const auto [prefix, name] = split(field.key);
    nlohmann::ordered_json& table = prefix.empty() ? out : out[std::string(prefix)];
    nlohmann::ordered_json& value = table[std::string(name)];
    std::visit([&](const auto member) { value = config.*member; }, field.member);
  }
  return out.dump(2);
}

std::string config_markdown() {
  const Config defaults;
  std::string out =
      "# Settings\n\n"
      "Made by `ballast config --markdown` from `common/config.def`; a test holds it to that.\n\n"
      "A search takes its settings from the defaults below, then from the TOML file given with "
      "`-c`, then from\n"
      "`key=value` on the command line (lists: `rungs.tokens=153600,307200`). A key that does not "
      "exist, a value of the\n"
      "wrong type or out of range is an error that names the place, and nothing starts. `ballast "
      "config -c FILE` prints\n"
      "the effective settings with their help; `ballast config > my.toml` starts a file of your "
      "own.\n";
  std::string_view section;
  for (const ConfigField& field : config_fields()) {
    if (field.section != section) {
      out += "\n## " + std::string(field.section) +
             "\n\n| key | default | unit, range | meaning |\n|---|---|---|---|\n";
      section = field.section;
    }
    out += "| `" + std::string(field.key) + "` | `" + toml_value(defaults, field) + "` | " +
           escaped(small_print(field)) + " | " + escaped(std::string(field.help)) + " |\n";
  }
  return out;
}

std::string config_hash(const Config& config) {
  return sha256_hex(to_toml(config, Help::kWithout)).substr(0, 16);
}

}  // namespace ballast
