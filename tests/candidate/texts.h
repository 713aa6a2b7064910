// Reads the text files of tests/candidate/data, and the lines that stand for whole candidates.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::candidate::texts {

inline std::string read(const std::string& name) {
  std::ifstream file(std::string(BALLAST_TEST_DATA) + "/" + name, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Lines that are neither empty nor comments.
inline std::vector<std::string> lines(const std::string& name) {
  std::vector<std::string> out;
  std::ifstream file(std::string(BALLAST_TEST_DATA) + "/" + name);
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#') out.push_back(line);
  if (out.empty()) throw std::runtime_error(name + " has no lines");
  return out;
}

struct Titled {
  std::string title, source;
};

// The parts of a file that start with lines "### title".
inline std::vector<Titled> sections(const std::string& name) {
  std::vector<Titled> out;
  const std::string text = "\n" + read(name);
  for (size_t at = text.find("\n### "); at != std::string::npos;) {
    const size_t end = text.find('\n', at + 1), next = text.find("\n### ", at + 1);
    out.push_back({text.substr(at + 5, end - at - 5), text.substr(end + 1, next - end - 1)});
    at = next;
  }
  return out;
}

// The line of `around` on which the expression stands, and the column of its first character.
constexpr int kExpressionLine = 12, kExpressionColumn = 9;

// A candidate around one expression: the function that accepted.txt shows.
inline std::string around(std::string_view expression) {
  return "def balance_loss(r):\n"
         "    x = r.logits\n"
         "    p = r.probs\n"
         "    c = r.chosen\n"
         "    w = r.probs_global\n"
         "    v = r.load\n"
         "    d = r.device\n"
         "    s = p.mean()\n"
         "    i = x.argmax(1)\n"
         "    m = x > 0.5\n"
         "    q, b = p.t() @ p, p.view(r.num_sequences, -1, r.num_experts)\n"
         "    y = " +
         std::string(expression) +
         "\n    return torch.as_tensor(y, dtype=r.logits.dtype).flatten().cumsum(0).sum()\n";
}

}  // namespace ballast::candidate::texts
