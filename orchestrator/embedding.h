// Is a candidate's text close to a known one? Embeddings of sources, compared by cosine, and what
// follows from how close they are: the third stage of novelty, after identity and fingerprint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::orchestrator {

// Exact nearest neighbours among vectors of one embedding model. A first pass over 8-bit codes
// bounds every cosine from both sides; only those that can still win are compared in full.
//
// Texts of one kind have embeddings close to one another, so the codes are of what a vector differs
// by from a centre c. With unit vectors x = c + d, q = c + f, and codes that stand for d' and f':
//   x.q = c.c + c.f + c.d + d.f,   |d.f - d'.f'| <= |d - d'| |f| + |d'| |f - f'|
// where all but d.f is known exactly. The bound is a guarantee, not an estimate. Results depend on
// the vectors and their order alone: sums of codes are exact integers, comparisons in full are in
// double and in one order.
class EmbeddingIndex {
 public:
  struct Match {
    size_t index = 0;   // as returned by add
    double cosine = 0;  // in [-1, 1]
    bool operator==(const Match&) const = default;
  };

  // Returns its index: 0, 1, 2, ... An empty vector (a candidate without an embedding) takes an
  // index and never matches. Throws Error for a length that differs from the ones before, a
  // non-finite value or a vector of length 0.
  size_t add(std::span<const float> vector);

  // The nearest one if its cosine is at least `least`; of equally near ones the oldest. Throws as
  // add does.
  std::optional<Match> nearest(std::span<const float> vector, double least = -1) const;

  // Whether add and nearest take it.
  bool takes(std::span<const float> vector) const;

  size_t size() const { return indices_.size() + empty_; }
  // Comparisons in full that a search for this vector takes, for tests and benchmarks.
  size_t compared(std::span<const float> vector, double least = -1) const;

 private:
  struct Code {
    double scale = 0;   // d' = scale * codes
    double error = 0;   // |d - d'|, rounded up
    double length = 0;  // |d|, rounded up
    double along = 0;   // c.d
  };
  struct Query {
    std::vector<float> unit;
    std::vector<int8_t> codes;
    Code code;
  };
  struct Bounded {
    size_t row;
    double upper;
  };
  std::vector<float> unit(std::span<const float> vector) const;
  Code code(const float* unit, int8_t* codes) const;
  void recentre();
  std::vector<Bounded> possible(const Query& query, double least) const;  // the highest bound first
  std::optional<Match> search(std::span<const float> vector, double least, size_t& compared) const;

  size_t length_ = 0;  // 0: not known yet
  size_t empty_ = 0;
  std::vector<float> units_;    // one after the other, like the codes
  std::vector<double> centre_;  // the mean of the vectors there were at the last power of two
  std::vector<int8_t> codes_;
  std::vector<Code> rows_;
  std::vector<size_t> indices_;  // by row
};

// When a text is too close, and who decides. Thresholds are cosines; above one the text is close.
struct TextRule {
  double threshold = 0.95;
  bool judge = false;  // a model is asked about close texts
  bool check = true;   // false: every text is new
  int attempts = 3;    // proposals drawn before one is given up for lack of novelty
  bool operator==(const TextRule&) const = default;
};
// "default": 0.95; a judge decides about close texts where there is one, else they are rejected.
// "paper":   the same, as arXiv 2509.19349 has it.
// "code":    what ShinkaEvolve 0.0.7 runs: 0.99, and without a judge no check at all.
// Throws Error (usage) for another name.
TextRule text_rule(std::string_view name, bool has_judge);

enum class TextVerdict : uint8_t { kNew, kAskJudge, kClose };
struct TextDecision {
  TextVerdict verdict = TextVerdict::kNew;
  std::string reason;  // for the archive: "cosine 0.9713 to candidate 12, above 0.95"
};
// `nearest`: among all known texts; none when there is none, or no embedding could be had: such a
// text is taken as new, and the reason says so.
TextDecision decide_text(const TextRule& rule, const std::optional<EmbeddingIndex::Match>& nearest);
// After the judge that was asked. nullopt: its answer could not be read, or did not come; the text
// is then taken as new, since a training costs less than a good idea lost.
TextDecision decide_text(const TextDecision& asked, std::optional<bool> novel,
                         std::string_view judge_reason);

}  // namespace ballast::orchestrator
