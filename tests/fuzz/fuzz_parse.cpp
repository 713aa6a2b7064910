// Whatever the bytes: parse() answers, in bounded time, and what it accepts survives print and
// parse.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "candidate/parse.h"

namespace {

using namespace ballast::candidate;  // NOLINT: a fuzz target is one file

[[noreturn]] void give_up(const char* why, const std::string& detail) {
  std::fprintf(stderr, "fuzz_parse: %s\n%s\n", why, detail.c_str());
  std::abort();
}

double cpu_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

ParseResult timed_parse(std::string_view source, const Limits& limits = {}) {
  const double start = cpu_milliseconds();
  ParseResult result = parse(source, limits);
  const double spent = cpu_milliseconds() - start;
  if (BALLAST_FUZZ_LIMIT_MS > 0 && spent > BALLAST_FUZZ_LIMIT_MS)
    give_up("a parse took too long", std::to_string(spent) + " ms");
  return result;
}

void check_diagnostic(const Diagnostic& problem) {
  if (problem.line < 1 || problem.column < 1)
    give_up("a position before the text", to_string(problem));
  if (problem.message.empty()) give_up("no message", to_string(problem));
  if (problem.message.find("internal error") != std::string::npos)
    give_up("a mistake of ours", to_string(problem));
#ifdef BALLAST_PLANTED_CRASH
  if (problem.message.find("runs into a name") != std::string::npos)
    give_up("the planted crash", to_string(problem));
#endif
}

void check_round_trip(const Program& program) {
  const std::string text = print(program);
  Limits wide;  // unrolled loops print as more text than a candidate may have
  wide.source_bytes = 1 << 24;
  wide.statements = 1 << 20;
  const ParseResult again = parse(text, wide);
  if (again.diagnostic) give_up(to_string(*again.diagnostic).c_str(), text);
  if (again.program->identity != program.identity)
    give_up("print and parse changed the identity", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string source(reinterpret_cast<const char*>(data), size);
  const ParseResult result = timed_parse(source);
  if (result.program.has_value() == result.diagnostic.has_value())
    give_up("not exactly one answer", source);
  if (result.diagnostic) {
    check_diagnostic(*result.diagnostic);
  } else {
    check_round_trip(*result.program);
  }
  return 0;
}
