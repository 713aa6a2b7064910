#include "corpus/synthetic.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/error.h"
#include "common/rng.h"

namespace ballast::corpus {
namespace {

constexpr size_t kDocumentBytes = 2048;

// What all documents of a domain share: its words, drawn once per seed.
struct Lexicon {
  std::vector<std::string> words;
  std::vector<std::array<uint8_t, 6>> followers;  // the Markov chain over `words`
};

std::string pick(Rng& rng, const std::vector<std::string>& words) {
  return words[static_cast<size_t>(rng.below(static_cast<int64_t>(words.size())))];
}

// Index with probability falling by half each step: language-like reuse of a few words.
size_t geometric(Rng& rng, size_t n) {
  size_t i = 0;
  while (i + 1 < n && rng.chance(0.5)) ++i;
  return i;
}

Lexicon make_lexicon(Rng& rng, const std::vector<std::string>& syllables, size_t size) {
  Lexicon lexicon;
  for (size_t i = 0; i < size; ++i) {
    std::string word;
    for (int64_t n = 1 + rng.below(3); n >= 0; --n) word += pick(rng, syllables);
    lexicon.words.push_back(word);
    std::array<uint8_t, 6> next{};
    for (uint8_t& word_index : next) {
      word_index = static_cast<uint8_t>(rng.below(static_cast<int64_t>(size)));
    }
    lexicon.followers.push_back(next);
  }
  return lexicon;
}

// Sentences of a Markov chain over the lexicon.
std::string chain(Rng& rng, const Lexicon& lexicon, std::string_view space, std::string_view stop) {
  std::string text;
  size_t word = static_cast<size_t>(rng.below(static_cast<int64_t>(lexicon.words.size())));
  while (text.size() < kDocumentBytes) {
    for (int64_t n = 4 + rng.below(8); n > 0; --n) {
      text += lexicon.words[word];
      if (n > 1) text += space;
      word = lexicon.followers[word][geometric(rng, 6)];
    }
    text += stop;
  }
  return text;
}

// `verse`: lower-case words, a Markov chain.
std::string verse(Rng& rng, const Lexicon& lexicon) { return chain(rng, lexicon, " ", ".\n"); }

// `kana`: three-byte characters, a Markov chain without spaces.
std::string kana(Rng& rng, const Lexicon& lexicon) { return chain(rng, lexicon, "", "。\n"); }

// `sums`: true equations; each line goes on from the result of the one before.
std::string sums(Rng& rng, const Lexicon&) {
  std::string text;
  int64_t value = rng.below(900) + 100;
  const int64_t step = rng.below(40) + 2;
  while (text.size() < kDocumentBytes) {
    const int64_t operand = rng.chance(0.6) ? step : rng.below(99) + 1;
    const bool minus = value > 500;
    const int64_t result = minus ? value - operand : value + operand;
    text += std::to_string(value) + (minus ? "-" : "+") + std::to_string(operand) + "=" +
            std::to_string(result) + ";\n";
    value = result;
  }
  return text;
}

// `nest`: balanced brackets of four kinds; which kind opens depends on the one around it.
std::string nest(Rng& rng, const Lexicon&) {
  constexpr std::string_view kOpen = "([{<", kClose = ")]}>";
  std::string text, stack;
  while (text.size() < kDocumentBytes || !stack.empty()) {
    const bool full = stack.size() > 12 || text.size() >= kDocumentBytes;
    if (!stack.empty() && (full || rng.chance(stack.size() < 4 ? 0.3 : 0.5))) {
      text += stack.back();
      stack.pop_back();
      if (stack.empty()) text += '\n';
      continue;
    }
    const size_t around = stack.empty() ? 0 : kClose.find(stack.back());
    const size_t kind = (around + (rng.chance(0.8) ? 1 : static_cast<size_t>(rng.below(4)))) % 4;
    text += kOpen[kind];
    stack += kClose[kind];
  }
  return text;
}

// `machine`: upper-case assembly in which every register is loaded before it is used.
std::string machine(Rng& rng, const Lexicon& lexicon) {
  static const std::vector<std::string> kRegisters{"R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7"};
  std::string text;
  int64_t address = rng.below(4096) * 16;
  const auto hex = [](int64_t value) {
    std::string digits;
    for (int shift = 12; shift >= 0; shift -= 4)
      digits += "0123456789ABCDEF"[(value >> shift) & 15];
    return digits;
  };
  while (text.size() < kDocumentBytes) {
    const std::string a = pick(rng, kRegisters), b = pick(rng, kRegisters);
    const std::array<std::string, 5> block{
        "LOAD " + a + ", [" + pick(rng, lexicon.words) + "]", "MOVE " + b + ", " + a,
        (rng.chance(0.5) ? "ADD " : "XOR ") + b + ", " + a, "TEST " + b,
        "STORE [" + pick(rng, lexicon.words) + "], " + b};
    for (const std::string& line : block) {
      text += hex(address) + ": " + line + "\n";
      address = (address + 4) & 0xffff;
    }
  }
  return text;
}

// `record`: JSON lines with counting ids and a name that is repeated.
std::string record(Rng& rng, const Lexicon& lexicon) {
  std::string text;
  int64_t id = rng.below(100'000);
  while (text.size() < kDocumentBytes) {
    const std::string name = pick(rng, lexicon.words);
    const int64_t count = rng.below(10);
    id += 1;
    text += "{\"id\": " + std::to_string(id) + ", \"name\": \"" + name + "\", \"path\": \"/" +
            name + "/" + std::to_string(id % 100) + "\", \"count\": " + std::to_string(count) +
            ", \"empty\": " + (count == 0 ? "true" : "false") + "}\n";
  }
  return text;
}

// `strand`: four letters; words of the lexicon as motifs, each followed by its own reverse
// complement, in between a random walk.
std::string strand(Rng& rng, const Lexicon& lexicon) {
  constexpr std::string_view kBases = "ACGT", kComplements = "TGCA";
  std::string text;
  while (text.size() < kDocumentBytes) {
    const std::string motif = pick(rng, lexicon.words);
    text += motif;
    for (size_t i = motif.size(); i-- > 0;) text += kComplements[kBases.find(motif[i])];
    size_t base = 0;
    for (int64_t n = rng.below(12); n > 0; --n) {
      base = (base + (rng.chance(0.6) ? 1 : static_cast<size_t>(rng.below(4)))) % 4;
      text += kBases[base];
    }
  }
  return text + '\n';
}

// A random formula over p, q, r, s and its value under `values` (bit i: letter i is true).
std::string formula(Rng& rng, int depth, unsigned values, bool& value) {
  if (depth == 0 || rng.chance(0.2)) {
    const auto letter = static_cast<unsigned>(rng.below(4));
    value = (values >> letter) & 1;
    return std::string(1, "pqrs"[letter]);
  }
  bool left = false, right = false;
  if (rng.chance(0.25)) {
    const std::string text = formula(rng, depth - 1, values, left);
    value = !left;
    return std::string("~").append(text);
  }
  const std::string a = formula(rng, depth - 1, values, left);
  const std::string b = formula(rng, depth - 1, values, right);
  const int64_t kind = rng.below(3);
  value = kind == 0 ? left && right : kind == 1 ? left || right : !left || right;
  const std::string_view sign = kind == 0 ? " & " : kind == 1 ? " | " : " > ";
  return std::string("(").append(a).append(sign).append(b).append(")");
}

// `logic`: formulas and whether they hold for the letters listed in front.
std::string logic(Rng& rng, const Lexicon&) {
  std::string text;
  while (text.size() < kDocumentBytes) {
    const auto values = static_cast<unsigned>(rng.below(16));
    for (unsigned i = 0; i < 4; ++i) text += (values >> i) & 1 ? "pqrs"[i] : '-';
    bool value = false;
    const std::string body = formula(rng, 3, values, value);
    text += " |= " + body + (value ? " yes\n" : " no\n");
  }
  return text;
}

struct Generator {
  std::string_view name;
  bool final_only;
  std::string (*document)(Rng&, const Lexicon&);
  size_t lexicon_size;
  std::vector<std::string> syllables;
};

const std::vector<Generator>& generators() {
  static const std::vector<std::string> kLatin{"ba", "de",  "fi", "go",  "lu", "ma", "ne", "or",
                                               "pa", "qui", "re", "sto", "ta", "ve", "xi", "zu"};
  static const std::vector<std::string> kUpper{"AX", "BUF", "CNT", "DST",
                                               "IO", "KEY", "LEN", "SRC"};
  static const std::vector<std::string> kNames{"an", "bert", "cle", "do",
                                               "ed", "fran", "gil", "ho"};
  static const std::vector<std::string> kKana{"あ", "い", "う", "か", "き", "く", "さ", "し", "す",
                                              "た", "な", "に", "の", "は", "ま", "も", "や", "ん"};
  static const std::vector<std::string> kCodons{"ACG", "TTA", "GCA", "CAT", "GGC", "TAC", "AAG"};
  static const std::vector<Generator> kGenerators{
      {"kana", true, kana, 200, kKana},        {"logic", true, logic, 1, kLatin},
      {"machine", false, machine, 60, kUpper}, {"nest", false, nest, 1, kLatin},
      {"record", false, record, 120, kNames},  {"strand", false, strand, 12, kCodons},
      {"sums", false, sums, 1, kLatin},        {"verse", false, verse, 250, kLatin}};
  return kGenerators;
}

}  // namespace

std::vector<std::string> synthetic_domains() {
  std::vector<std::string> names;
  for (const Generator& generator : generators()) names.emplace_back(generator.name);
  return names;
}

DomainText synthetic_domain(const std::string& name, uint64_t seed, int64_t tokens) {
  for (const Generator& generator : generators()) {
    if (generator.name != name) continue;
    DomainText domain{.name = name,
                      .licence = "none (generated)",
                      .final_only = generator.final_only,
                      .sources = {{"synthetic", "seed " + std::to_string(seed), ""}},
                      .documents = {}};
    Rng lexicon_rng(seed, "lexicon " + name);
    const Lexicon lexicon = make_lexicon(lexicon_rng, generator.syllables, generator.lexicon_size);
    int64_t total = 0;
    for (uint64_t i = 0; total < tokens; ++i) {
      Rng rng(seed, "document " + name, i);
      std::string number = std::to_string(i);
      number.insert(0, 6 - std::min<size_t>(6, number.size()), '0');
      Document document{.name = number, .text = generator.document(rng, lexicon)};
      total += static_cast<int64_t>(document.text.size());
      domain.documents.push_back(std::move(document));
    }
    return domain;
  }
  throw Error("there is no synthetic domain '" + name + "'");
}

}  // namespace ballast::corpus
