#include "prompts/notes.h"

#include <algorithm>

#include "prompts/lines.h"
#include "prompts/render.h"
#include "prompts/reply.h"
#include "prompts/templates.h"

namespace ballast::prompts {
namespace {

// "3. text" or "3) text"; nothing for other lines.
std::string_view numbered(std::string_view line) {
  line = trimmed(line);
  const size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  if (digits == 0 || digits > 2 || digits >= line.size()) return {};
  if (line[digits] != '.' && line[digits] != ')') return {};
  return trimmed(line.substr(digits + 1));
}

std::string_view without_blank_ends(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\n") - start + 1);
}

std::string at_most_whole_lines(std::string_view text) {
  if (text.size() <= kNotesBytes) return std::string(text);
  const size_t end = text.rfind('\n', kNotesBytes);
  if (end != std::string_view::npos && end > 0) return std::string(text.substr(0, end));
  return std::string(start_of(text, kNotesBytes));
}

}  // namespace

Request make_notes_request(const Task& task, const std::string& previous_notes,
                           const std::vector<Result>& results) {
  return {.system = system_prompt(task),
          .user = results_prompt(previous_notes, results),
          .variant = "notes/default",
          .templates = fingerprint({"system", "notes"})};
}

std::variant<Notes, Failure> read_notes(std::string_view reply, bool cut_off) {
  if (cut_off)
    return Failure{FailureKind::kCutOff, "the notes were cut off: write fewer words",
                   std::string(reply)};
  const auto answer = answer_of(reply);
  if (const Failure* failure = std::get_if<Failure>(&answer)) return *failure;
  const std::string& whole = std::get<std::string>(answer);
  const std::string_view text = without_blank_ends(whole);
  if (text.empty()) return Failure{FailureKind::kNoCode, "the reply is empty", std::string(reply)};
  Notes notes;
  notes.text = at_most_whole_lines(text);
  bool next = false;
  for (const std::string_view line : split_lines(text)) {
    if (trimmed(line).starts_with('#')) next = line.find("Try next") != std::string_view::npos;
    if (const std::string_view item = numbered(line); next && !item.empty())
      notes.suggestions.emplace_back(item);
  }
  return notes;
}

}  // namespace ballast::prompts
