// Strict reading of JSON objects: every key is asked for by name, and what is left over is an
// error. Included by .cpp files only.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "common/error.h"

namespace ballast {

using Json = nlohmann::json;

// Non-finite numbers travel as the strings "nan", "inf", "-inf" (JSON has no words for them).
inline Json json_number(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  return x;
}

inline double number_from(const Json& j, std::string_view what) {
  if (j.is_number()) return j.get<double>();
  if (j == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (j == "inf") return std::numeric_limits<double>::infinity();
  if (j == "-inf") return -std::numeric_limits<double>::infinity();
  throw Error(std::string(what) + ": expected a number, found " + j.dump());
}

// "[0.5,"inf"]": what a Json array of json_number()s dumps, without building it.
inline std::string number_array(std::span<const double> values) {
  std::array<char, 64> text;  // as much as Json's dump() takes
  std::string out = "[";
  out.reserve(2 + 20 * values.size());
  for (const double x : values) {
    if (out.size() > 1) out += ',';
    if (std::isfinite(x))
      out.append(text.data(),
                 nlohmann::detail::to_chars(text.data(), text.data() + text.size(), x));
    else
      out += json_number(x).dump();
  }
  return out += ']';
}

inline Json parse_json(std::string_view text, std::string_view what) {
  Json j = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (j.is_discarded()) throw Error(std::string(what) + " is not JSON");
  return j;
}

class ObjectReader {
 public:
  ObjectReader(const Json& object, std::string what) : object_(object), what_(std::move(what)) {
    if (!object_.is_object()) throw Error(what_ + ": expected an object");
  }

  const Json& any(const char* key) {
    const auto it = object_.find(key);
    if (it == object_.end()) throw Error(what_ + ": key \"" + key + "\" is missing");
    seen_.insert(key);
    return *it;
  }
  bool has(const char* key) const { return object_.contains(key); }
  std::string where(const char* key) const { return what_ + "." + key; }

  std::string text(const char* key) {
    const Json& j = any(key);
    if (!j.is_string()) throw Error(where(key) + ": expected a string");
    return j.get<std::string>();
  }
  int64_t integer(const char* key) {
    const Json& j = any(key);
    if (!j.is_number_integer()) throw Error(where(key) + ": expected a whole number");
    if (j.is_number_unsigned() && j.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
      throw Error(where(key) + ": number too large");
    return j.get<int64_t>();
  }
  uint64_t natural(const char* key) {
    const Json& j = any(key);
    if (!j.is_number_unsigned()) throw Error(where(key) + ": expected a natural number");
    return j.get<uint64_t>();
  }
  double number(const char* key) { return number_from(any(key), where(key)); }
  bool boolean(const char* key) {
    const Json& j = any(key);
    if (!j.is_boolean()) throw Error(where(key) + ": expected true or false");
    return j.get<bool>();
  }
  const Json& array(const char* key) {
    const Json& j = any(key);
    if (!j.is_array()) throw Error(where(key) + ": expected an array");
    return j;
  }
  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> out;
    for (const Json& j : array(key)) {
      if (!j.is_string()) throw Error(where(key) + ": expected strings");
      out.push_back(j.get<std::string>());
    }
    return out;
  }
  std::vector<int64_t> integers(const char* key) {
    std::vector<int64_t> out;
    for (const Json& j : array(key)) {
      if (!j.is_number_integer()) throw Error(where(key) + ": expected whole numbers");
      out.push_back(j.get<int64_t>());
    }
    return out;
  }
  // Throws when the object has a key nobody asked for.
  void done() const {
    for (const auto& [key, value] : object_.items())
      if (!seen_.contains(key)) throw Error(what_ + ": unknown key \"" + key + "\"");
  }

 private:
  const Json& object_;
  std::string what_;
  std::set<std::string, std::less<>> seen_;
};

}  // namespace ballast
