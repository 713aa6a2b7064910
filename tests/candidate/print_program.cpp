// Reads a candidate on standard input, writes what print() makes of it; or says why it is none.
#include <iostream>
#include <iterator>
#include <string>

#include "candidate/parse.h"

int main() {
  const std::string source{std::istreambuf_iterator<char>(std::cin), {}};
  const auto result = ballast::candidate::parse(source);
  if (result.diagnostic) {
    std::cout << "REJECT " << to_string(*result.diagnostic) << "\n";
    return 3;
  }
  std::cout << print(*result.program);
}
