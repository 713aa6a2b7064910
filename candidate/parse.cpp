#include "candidate/parse.h"

#include "candidate/evaluator.h"
#include "candidate/lexer.h"

namespace ballast::candidate {

std::string quoted(std::string_view name) {
  constexpr size_t kLongest = 60;
  if (name.size() <= kLongest) return "`" + std::string(name) + "`";
  return "`" + std::string(name.substr(0, kLongest)) + "...`";
}

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column) +
                     ": " + diagnostic.message;
  if (!diagnostic.hint.empty()) text += " (" + diagnostic.hint + ")";
  return text;
}

ParseResult parse(std::string_view source, const Limits& limits) {
  ParseResult result;
  try {
    if (source.size() > limits.source_bytes)
      fail({1, 1}, "the text has " + std::to_string(source.size()) + " bytes, more than " +
                       std::to_string(limits.source_bytes));
    const std::vector<Token> tokens = lex(source, limits);
    const Ast ast = parse_tokens(tokens, limits);
    result.program = Evaluator(ast, limits).run();
  } catch (const Fail& problem) {
    result.diagnostic = problem.diagnostic();
  } catch (const std::exception& problem) {
    // A mistake of ours; the daemon must outlive it. The fuzzer stops at this text.
    result.diagnostic =
        Diagnostic{1, 1, std::string("internal error: ") + problem.what(), "report this text"};
  }
  return result;
}

}  // namespace ballast::candidate
