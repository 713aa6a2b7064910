// From text to graph.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "candidate/graph.h"

namespace ballast::candidate {

// Why a text is no candidate. Written for the person or the model that wrote the text.
struct Diagnostic {
  int line = 0, column = 0;  // from 1
  std::string message;       // what is wrong, with the shapes or names on both sides
  std::string hint;          // what to write instead; may be empty
};
std::string to_string(const Diagnostic& diagnostic);  // "3:12: message (hint)"

// Checked while parsing and expanding, so that no input costs more than a bounded time.
struct Limits {
  size_t source_bytes = 16 * 1024;
  int nesting = 64;
  int statements = 500;
  int nodes = 4096;   // after helpers are inlined and loops unrolled
  int64_t loop = 64;  // iterations of one loop
};

struct ParseResult {
  std::optional<Program> program;        // set exactly when the text is a candidate
  std::optional<Diagnostic> diagnostic;  // set exactly when it is not
};

// Thread-safe, never throws on any input, deterministic.
ParseResult parse(std::string_view source, const Limits& limits = {});

// Readable source of a program: valid PyTorch Python that parses to the same identity.
std::string print(const Program& program);

}  // namespace ballast::candidate
