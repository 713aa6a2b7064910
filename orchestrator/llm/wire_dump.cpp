// The text of a request. Most of it is two prompts, so texts are copied in runs.
#include <array>
#include <string_view>
#include <utility>

#include "orchestrator/llm/wire_json.h"

namespace ballast::orchestrator::wire {
namespace {

// As Json writes it. Bytes that are not UTF-8 become U+FFFD: JSON holds nothing else.
std::string plainly(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// By character: what follows the backslash, kPlain where none is needed, kOther for what is not
// printable ASCII.
constexpr char kPlain = '\0', kOther = '?';
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> escapes{};
  escapes.fill(kOther);
  for (size_t c = ' '; c <= '~'; ++c) escapes[c] = kPlain;
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  escapes['\n'] = 'n';
  escapes['\t'] = 't';
  return escapes;
}();

// Appends a text of printable ASCII, tabs and line ends; says whether it is one.
bool append_ascii(std::string& out, std::string_view text) {
  out += '"';
  size_t run = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char escape = kEscapes[static_cast<unsigned char>(text[i])];
    if (escape == kPlain) continue;
    if (escape == kOther) return false;
    out.append(text, run, i - run);
    out += {'\\', escape};
    run = i + 1;
  }
  out.append(text, run);
  out += '"';
  return true;
}

void append(std::string& out, const Json& json) {
  if (json.is_string()) {
    const size_t before = out.size();
    if (append_ascii(out, json.get_ref<const std::string&>())) return;
    out.resize(before);
    out += plainly(json);
  } else if (json.is_structured()) {
    const bool object = json.is_object();
    out += object ? '{' : '[';
    bool first = true;
    for (auto item = json.begin(); item != json.end(); ++item) {
      if (!std::exchange(first, false)) out += ',';
      if (object) {
        append(out, Json(item.key()));
        out += ':';
      }
      append(out, *item);
    }
    out += object ? '}' : ']';
  } else {
    out += plainly(json);
  }
}

}  // namespace

std::string dump(const Json& body) {
  std::string out;
  append(out, body);
  return out;
}

}  // namespace ballast::orchestrator::wire
