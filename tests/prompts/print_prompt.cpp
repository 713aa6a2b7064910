// Beside CI: prints what is sent for an operator and variant, with sample facts.
//
//   print_prompt                       the system prompt
//   print_prompt rewrite structural    the user prompt of that variant
#include <iostream>

#include "common/error.h"
#include "prompts/render.h"
#include "prompts/request.h"
#include "tests/prompts/samples.h"

int main(int argc, char** argv) {
  using namespace ballast::prompts;  // NOLINT: a tool of one file
  if (argc < 2) {
    std::cout << system_prompt(samples::task());
    return 0;
  }
  try {
    Facts facts = samples::facts();
    if (parents_needed(argv[1]) == 2) facts.parents.push_back(facts.parents[0]);
    std::cout << make_request(samples::task(), argv[1], argc > 2 ? argv[2] : "default", facts).user;
  } catch (const ballast::Error& error) {
    std::cerr << "print_prompt: " << error.what() << "\n";
    return 2;
  }
}
