#include "prompts/answer.h"

#include <algorithm>

#include "candidate/mutate.h"
#include "prompts/edit.h"
#include "prompts/lines.h"
#include "prompts/reply.h"

namespace ballast::prompts {
namespace {

// The candidate's text that an answer stands for.
std::variant<std::string, Failure> candidate_text(const std::string& answer, bool& edited,
                                                  const std::vector<Parent>& parents) {
  const auto edits = find_edits(answer);
  if (const Failure* failure = std::get_if<Failure>(&edits)) return *failure;
  const auto& blocks = std::get<std::vector<Edit>>(edits);
  edited = !blocks.empty() && !parents.empty();
  if (!edited) return find_code(answer);
  auto out = apply_edits(parents[0].text, blocks);
  if (std::holds_alternative<std::string>(out)) return out;
  // Small models write a whole text, and below it edits of that.
  auto whole = find_code(answer);
  const auto* text = std::get_if<std::string>(&whole);
  if (text == nullptr || text->find("<<<<<<<") != std::string::npos) return out;
  edited = false;
  return whole;
}

std::variant<Source, Failure> judge(Source source, const std::vector<Parent>& parents) {
  candidate::ParseResult result = candidate::parse(source.text);
  if (result.diagnostic)
    return Failure{
        FailureKind::kStatic,
        candidate::to_string(*result.diagnostic) + excerpt(source.text, *result.diagnostic),
        source.text};
  source.program = std::move(*result.program);
  for (const Parent& parent : parents)
    if (parent.identity == source.program.identity)
      return Failure{
          FailureKind::kUnchanged,
          "this computes exactly what its parent does: change the mathematics, not names, "
          "layout or order",
          source.text};
  if (!candidate::trains_router(source.program))
    return Failure{FailureKind::kNoGradient,
                   "nothing in this loss passes a gradient to the router: r.load, r.load_global, "
                   "r.load_ema, r.chosen and comparisons have none. Multiply them with r.probs, "
                   "r.probs_global, r.scores or r.logits",
                   source.text};
  return source;
}

}  // namespace

std::variant<Source, Failure> read_reply(std::string_view reply, bool cut_off,
                                         const std::vector<Parent>& parents) {
  if (cut_off)
    return Failure{FailureKind::kCutOff,
                   "the reply was longer than allowed and was cut off: answer shorter",
                   std::string(reply)};
  const auto answer = answer_of(reply);
  if (const Failure* failure = std::get_if<Failure>(&answer)) return *failure;
  const std::string& text = std::get<std::string>(answer);
  Source source;
  auto found = candidate_text(text, source.edited, parents);
  if (Failure* failure = std::get_if<Failure>(&found)) {
    if (failure->source.empty()) failure->source = text;
    return std::move(*failure);
  }
  source.text = std::get<std::string>(std::move(found));
  source.idea = find_idea(text, source.text);
  return judge(std::move(source), parents);
}

std::string excerpt(std::string_view source, const candidate::Diagnostic& diagnostic) {
  const std::vector<std::string_view> lines = split_lines(source);
  if (diagnostic.line < 1 || static_cast<size_t>(diagnostic.line) > lines.size()) return "";
  constexpr size_t kLongest = 200;
  const std::string_view line = lines[static_cast<size_t>(diagnostic.line) - 1];
  if (line.size() > kLongest) return "";
  const size_t before = static_cast<size_t>(std::max(diagnostic.column - 1, 0));
  return "\n    " + std::string(line) + "\n    " + std::string(before, ' ') + "^";
}

}  // namespace ballast::prompts
