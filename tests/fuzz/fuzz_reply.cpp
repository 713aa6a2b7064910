// Whatever a model writes: read_reply answers with a candidate that parses or with a reason, and
// what it accepts is accepted again when it is sent as plainly as can be.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "candidate/parse.h"
#include "prompts/answer.h"
#include "prompts/judge.h"
#include "prompts/notes.h"
#include "prompts/templates.h"
#include "tests/prompts/parents_of.h"

namespace {

using namespace ballast::prompts;  // NOLINT: a fuzz target is one file

[[noreturn]] void give_up(const char* why, std::string_view detail) {
  std::fprintf(stderr, "fuzz_reply: %s\n%.*s\n", why, static_cast<int>(detail.size()),
               detail.data());
  std::abort();
}

const std::vector<Parent>& parents() {
  static const std::vector<Parent> kParents =
      parents_of({"def balance_loss(r):\n"
                  "    load = r.load_global\n"
                  "    if r.progress < 0.5:\n"
                  "        load = load * 2\n"
                  "    x = 1\n"
                  "    y = load * r.probs.mean(0)\n"
                  "    x = 1\n"
                  "    return y.sum() * x\n",
                  "def balance_loss(r):\n    return r.logits.logsumexp(1).square().mean()\n"});
  return kParents;
}

void check_failure(const Failure& failure) {
  if (failure.message.empty()) give_up("a failure without a message", failure.source);
  if (failure.message.starts_with("1:1: internal error"))
    give_up("a mistake of ours", failure.message);
#ifdef BALLAST_PLANTED_CRASH
  // Its seed searches for a line that occurs twice; nearly any changed byte makes it one that does
  // not.
  if (failure.message.find("do not occur in the source") != std::string::npos)
    give_up("the planted crash", failure.message);
#endif
}

// Whether a text could be taken for something else than code when it is sent again.
bool has_marks(const std::string& text) {
  for (const char* mark : {"think", "reasoning", "SEARCH", "REPLACE", "```", "~~~"})
    if (text.find(mark) != std::string::npos) return true;
  return false;
}

void check_source(const Source& source) {
  const ballast::candidate::ParseResult result = ballast::candidate::parse(source.text);
  if (!result.program || result.program->identity != source.program.identity)
    give_up("the text is not that of the program", source.text);
  if (source.idea.size() > 300 || source.idea.find('\n') != std::string::npos)
    give_up("an idea of more than a line", source.idea);
  if (has_marks(source.text)) return;
  const auto again = read_reply(fenced(source.text), false, parents());
  const Source* same = std::get_if<Source>(&again);
  if (same == nullptr) give_up(std::get<Failure>(again).message.c_str(), source.text);
  if (same->program.identity != source.program.identity)
    give_up("sent again it is another program", source.text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view reply(reinterpret_cast<const char*>(data), size);
  const auto answer = read_reply(reply, false, parents());
  if (const Failure* failure = std::get_if<Failure>(&answer)) {
    check_failure(*failure);
  } else {
    check_source(std::get<Source>(answer));
  }
  const auto notes = read_notes(reply, false);
  if (const Notes* read = std::get_if<Notes>(&notes); read && read->text.size() > kNotesBytes)
    give_up("notes that are too long", read->text);
  read_judgement(reply);
  return 0;
}
