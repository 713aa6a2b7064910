// Beside CI: replies_report FILE.jsonl: what becomes of recorded replies (lines with a "reply"), by
// kind of failure, and the message each refused one gets.
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "candidate/shipped.h"
#include "prompts/answer.h"
#include "tests/prompts/parents_of.h"

int main(int argc, char** argv) {
  using namespace ballast;  // NOLINT: a tool of one file
  if (argc != 2) {
    std::cerr << "usage: replies_report FILE.jsonl\n";
    return 2;
  }
  std::ifstream file(argv[1]);
  if (!file) {
    std::cerr << "replies_report: cannot read " << argv[1] << "\n";
    return 1;
  }
  const auto parents =
      prompts::parents_of({std::string(candidate::find_shipped("global_micro_lbl")->text)});
  std::map<std::string, int> counts;
  int number = 0;
  for (std::string line; std::getline(file, line); ++number) {
    const std::string reply = nlohmann::json::parse(line).at("reply");
    const auto answer = prompts::read_reply(reply, false, parents);
    const auto* failure = std::get_if<prompts::Failure>(&answer);
    const std::string kind = failure ? std::string(to_string(failure->kind)) : "candidate";
    ++counts[kind];
    if (failure)
      std::cout << "reply " << number << ": " << kind << ": " << failure->message << "\n\n";
  }
  for (const auto& [kind, count] : counts) std::cout << kind << " " << count << "\n";
}
