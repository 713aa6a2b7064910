// What the files of the configuration share; nobody else includes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/config.h"

namespace ballast {

// A value as read, before it is known to suit its field.
using ConfigValue = std::variant<Text, Int, Real, Flag, Texts, Ints>;

// nullptr when there is no such key.
const ConfigField* find_field(std::string_view key);

// Throws the error for a key that does not exist. `where` is "file:line" or what stands for it.
[[noreturn]] void unknown_key(std::string_view key, std::string_view where);

// Sets one field. Whole numbers suit a Real, whole Reals an Int, a single value a list. Throws
// Error.
void assign(Config& config, const ConfigField& field, const ConfigValue& value,
            std::string_view where);

// The whole number that `value` is, 3e5 included.
std::optional<Int> whole_number(const ConfigValue& value);

// A value of a field as TOML writes it.
std::string toml_value(const Config& config, const ConfigField& field);

// "at least 0", "one of step, buffer"; empty where everything goes.
std::string describe(const ConfigRange& range);
// "a number", "a list of whole numbers".
std::string_view type_name(const ConfigMember& member);

bool is_plain_text(const std::string& text);  // UTF-8 without zero bytes
std::string format_number(double x);  // shortest that reads back

}  // namespace ballast
