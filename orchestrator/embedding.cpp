#include "orchestrator/embedding.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>

#include "common/error.h"

namespace ballast::orchestrator {
namespace {

constexpr size_t kLongest = 100'000;  // numbers of an embedding

// What rounding of doubles can add to a bound.
constexpr double kSlack = 1e-9;

// Exact: at most 127 * 127 * 100,000 fits.
[[gnu::always_inline]] inline int32_t plain_dot(const int8_t* a, const int8_t* b, size_t n) {
  int32_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += int32_t{a[i]} * int32_t{b[i]};
  return sum;
}
int32_t dot_anywhere(const int8_t* a, const int8_t* b, size_t n) { return plain_dot(a, b, n); }
#ifdef __x86_64__
[[gnu::target("avx2")]] int32_t dot_avx2(const int8_t* a, const int8_t* b, size_t n) {
  return plain_dot(a, b, n);
}
#endif

using Int8Dot = int32_t (*)(const int8_t*, const int8_t*, size_t);
Int8Dot int8_dot() {  // the same integers from either
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2")) return dot_avx2;
#endif
  return dot_anywhere;
}

// Eight sums side by side: one fixed order, and work for vector units.
double dot(const float* a, const float* b, size_t n) {
  std::array<double, 8> sums{};
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (size_t j = 0; j < 8; ++j) sums[j] += double{a[i + j]} * double{b[i + j]};
  for (; i < n; ++i) sums[0] += double{a[i]} * double{b[i]};
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

std::string fixed(double x) {
  char text[40];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

}  // namespace

bool EmbeddingIndex::takes(std::span<const float> vector) const {
  if (vector.empty() || vector.size() > kLongest) return false;
  const double norm = std::sqrt(dot(vector.data(), vector.data(), vector.size()));
  return (length_ == 0 || vector.size() == length_) && std::isfinite(norm) && norm > 0;
}

std::vector<float> EmbeddingIndex::unit(std::span<const float> vector) const {
  if (vector.size() > kLongest || (length_ != 0 && vector.size() != length_))
    throw Error("an embedding has " + std::to_string(vector.size()) + " numbers, expected " +
                (length_ != 0 ? std::to_string(length_) : "at most " + std::to_string(kLongest)) +
                ": was the embedding model changed within a run?");
  const double norm = std::sqrt(dot(vector.data(), vector.data(), vector.size()));
  if (!std::isfinite(norm) || norm == 0)
    throw Error("an embedding is zero or not finite: the endpoint does not work as it should");
  std::vector<float> out;
  for (const float x : vector) out.push_back(static_cast<float>(double{x} / norm));
  return out;
}

EmbeddingIndex::Code EmbeddingIndex::code(const float* unit, int8_t* codes) const {
  Code out;
  double largest = 0, squares = 0;
  for (size_t i = 0; i < length_; ++i) {
    const double d = double{unit[i]} - centre_[i];
    largest = std::max(largest, std::abs(d));
    squares += d * d;
    out.along += d * centre_[i];
  }
  out.length = std::sqrt(squares) * (1 + kSlack);
  out.scale = largest / 127;
  squares = 0;
  for (size_t i = 0; i < length_; ++i) {
    const double d = double{unit[i]} - centre_[i];
    const double steps = out.scale > 0 ? std::round(d / out.scale) : 0;
    codes[i] = static_cast<int8_t>(std::clamp(steps, -127.0, 127.0));
    const double left = d - out.scale * double(codes[i]);
    squares += left * left;
  }
  out.error = std::sqrt(squares) * (1 + kSlack);
  return out;
}

// Each vector is coded again once per doubling: a constant number of times on average.
void EmbeddingIndex::recentre() {
  const size_t rows = indices_.size();
  centre_.assign(length_, 0);
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < length_; ++i)
      centre_[i] += double{units_[row * length_ + i]} / static_cast<double>(rows);
  for (size_t row = 0; row < rows; ++row)
    rows_[row] = code(units_.data() + row * length_, codes_.data() + row * length_);
}

size_t EmbeddingIndex::add(std::span<const float> vector) {
  const size_t index = size();
  if (vector.empty()) {
    ++empty_;
    return index;
  }
  const std::vector<float> added = unit(vector);
  length_ = vector.size();
  centre_.resize(length_);
  units_.insert(units_.end(), added.begin(), added.end());
  codes_.resize(units_.size());
  rows_.push_back(code(added.data(), codes_.data() + codes_.size() - length_));
  indices_.push_back(index);
  if (std::has_single_bit(indices_.size())) recentre();
  return index;
}

std::vector<EmbeddingIndex::Bounded> EmbeddingIndex::possible(const Query& query,
                                                              double least) const {
  std::vector<Bounded> bounds;
  bounds.reserve(rows_.size());
  double fixed_part = query.code.along;  // c.c + c.f
  for (const double x : centre_) fixed_part += x * x;
  double floor = least;  // no cosine below this can be the answer
  const Int8Dot dot_codes = int8_dot();
  for (size_t row = 0; row < rows_.size(); ++row) {
    const Code& known = rows_[row];
    const double about = fixed_part + known.along +
                         known.scale * query.code.scale *
                             dot_codes(codes_.data() + row * length_, query.codes.data(), length_);
    const double off =
        known.error * query.code.length + (known.length + known.error) * query.code.error + kSlack;
    floor = std::max(floor, about - off);
    bounds.push_back({row, about + off});
  }
  std::erase_if(bounds, [&](const Bounded& one) { return one.upper < floor; });
  std::sort(bounds.begin(), bounds.end(), [](const Bounded& a, const Bounded& b) {
    return a.upper != b.upper ? a.upper > b.upper : a.row < b.row;
  });
  return bounds;
}

std::optional<EmbeddingIndex::Match> EmbeddingIndex::search(std::span<const float> vector,
                                                            double least, size_t& compared) const {
  compared = 0;
  Query query{unit(vector), std::vector<int8_t>(length_), {}};
  if (length_ == 0) return std::nullopt;
  query.code = code(query.unit.data(), query.codes.data());
  std::optional<Match> best;
  for (const Bounded& one : possible(query, least)) {
    if (best && one.upper < best->cosine) break;
    ++compared;
    const double exact = dot(units_.data() + one.row * length_, query.unit.data(), length_);
    const Match match{indices_[one.row], std::clamp(exact, -1.0, 1.0)};
    if (match.cosine < least) continue;
    if (!best || match.cosine > best->cosine ||
        (match.cosine == best->cosine && match.index < best->index))
      best = match;
  }
  return best;
}

std::optional<EmbeddingIndex::Match> EmbeddingIndex::nearest(std::span<const float> vector,
                                                             double least) const {
  size_t compared = 0;
  return search(vector, least, compared);
}

size_t EmbeddingIndex::compared(std::span<const float> vector, double least) const {
  size_t compared = 0;
  search(vector, least, compared);
  return compared;
}

TextRule text_rule(std::string_view name, bool has_judge) {
  if (name == "default" || name == "paper") return {.threshold = 0.95, .judge = has_judge};
  if (name == "code") return {.threshold = 0.99, .judge = has_judge, .check = has_judge};
  throw Error("there is no rule of text novelty named \"" + std::string(name) +
                  "\"; there are default, paper and code",
              ExitCode::kUsage);
}

TextDecision decide_text(const TextRule& rule,
                         const std::optional<EmbeddingIndex::Match>& nearest) {
  if (!rule.check) return {TextVerdict::kNew, "texts are not compared without a judge"};
  if (!nearest) return {TextVerdict::kNew, "no text to compare with, or no embedding"};
  const std::string where =
      "cosine " + fixed(nearest->cosine) + " to candidate " + std::to_string(nearest->index);
  if (nearest->cosine <= rule.threshold)
    return {TextVerdict::kNew, where + ", not above " + fixed(rule.threshold)};
  return {rule.judge ? TextVerdict::kAskJudge : TextVerdict::kClose,
          where + ", above " + fixed(rule.threshold)};
}

TextDecision decide_text(const TextDecision& asked, std::optional<bool> novel,
                         std::string_view judge_reason) {
  if (!novel) return {TextVerdict::kNew, asked.reason + "; the judge's answer could not be read"};
  const std::string why = judge_reason.empty() ? "" : ": " + std::string(judge_reason);
  if (*novel) return {TextVerdict::kNew, asked.reason + "; the judge finds it novel" + why};
  return {TextVerdict::kClose, asked.reason + "; the judge finds it not novel" + why};
}

}  // namespace ballast::orchestrator
