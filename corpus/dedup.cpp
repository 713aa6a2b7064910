#include "corpus/dedup.h"

#include <algorithm>

namespace ballast::corpus {
namespace {

// FNV-1a with a final mix: the same on every machine.
uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  hash ^= hash >> 32;
  return hash * 0xd6e8feb86659fd93ull;
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

}  // namespace

bool Dedup::add(std::string_view text) { return seen_.insert(hash_of(text)).second; }

std::string Dedup::filter(std::string_view text) {
  std::string out;
  size_t heading = std::string::npos;  // where a heading at the end of `out` starts
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find("\n\n", at);
    end = end == std::string_view::npos ? text.size() : end + 2;
    const std::string_view paragraph = text.substr(at, end - at), body = trim(paragraph);
    if (body.size() < kShortest) {
      heading = out.size();
      out += paragraph;
    } else if (add(body)) {
      heading = std::string::npos;
      out += paragraph;
    } else if (heading != std::string::npos) {
      out.resize(heading);
      heading = std::string::npos;
    }
    at = end;
  }
  return out;
}

}  // namespace ballast::corpus
