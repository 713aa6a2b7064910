#include "prompts/judge.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "prompts/lines.h"
#include "prompts/render.h"
#include "prompts/reply.h"
#include "prompts/templates.h"

namespace ballast::prompts {
namespace {

bool starts_with_word(std::string_view line, std::string_view word) {
  if (line.size() < word.size()) return false;
  for (size_t i = 0; i < word.size(); ++i)
    if (std::toupper(static_cast<unsigned char>(line[i])) != word[i]) return false;
  // NOVELTY is another word.
  return line.size() == word.size() ||
         (std::isalnum(static_cast<unsigned char>(line[word.size()])) == 0 &&
          line[word.size()] != '_');
}

std::string_view without_leading(std::string_view line, std::string_view marks) {
  return line.substr(std::min(line.find_first_not_of(marks), line.size()));
}

}  // namespace

Request make_novelty_request(const Task& task, const std::string& known,
                             const std::string& proposed) {
  return {.system = system_prompt(task),
          .user = find_template("novelty").render(
              Values().set("first", fenced(known)).set("second", fenced(proposed))),
          .variant = "novelty/default",
          .templates = fingerprint({"system", "novelty"})};
}

std::optional<Judgement> read_judgement(std::string_view reply) {
  struct Word {
    std::string_view text;
    bool novel;
  };
  constexpr std::array<Word, 4> kWords = {
      {{"NOT_NOVEL", false}, {"NOT NOVEL", false}, {"NOT-NOVEL", false}, {"NOVEL", true}}};
  const auto answer = answer_of(reply);
  if (std::holds_alternative<Failure>(answer)) return std::nullopt;
  for (const std::string_view raw : split_lines(std::get<std::string>(answer))) {
    const std::string_view line = without_leading(raw, " \t*_`#>");
    for (const Word& word : kWords)
      if (starts_with_word(line, word.text))
        return Judgement{word.novel,
                         std::string(without_leading(line.substr(word.text.size()), " \t*_`:,.-"))};
  }
  return std::nullopt;
}

}  // namespace ballast::prompts
