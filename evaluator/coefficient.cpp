#include "evaluator/coefficient.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <limits>
#include <numbers>

#include "common/error.h"

namespace ballast::evaluator {
namespace {

using State = CoefficientTrial::State;

struct Point {
  double coefficient = 0;
  double objective = 0;  // infinity: failed
};

// Finished trials in order of coefficients.
std::vector<Point> points_of(std::span<const CoefficientTrial> trials) {
  std::vector<Point> out;
  for (const CoefficientTrial& t : trials) {
    if (t.state == State::kPending) continue;
    const bool failed = t.state == State::kFailed;
    out.push_back({coefficient_value(t.coefficient),
                   failed ? std::numeric_limits<double>::infinity() : t.objective});
  }
  std::sort(out.begin(), out.end(),
            [](const Point& a, const Point& b) { return a.coefficient < b.coefficient; });
  return out;
}

// Index of the best, the first of equals; points.size() when all have failed.
size_t best_of(const std::vector<Point>& points) {
  size_t best = points.size();
  for (size_t i = 0; i < points.size(); ++i)
    if (std::isfinite(points[i].objective) &&
        (best == points.size() || points[i].objective < points[best].objective))
      best = i;
  return best;
}

// Rounding, and powers of different factors: what is within 2 % is the same coefficient.
bool same(double a, double b) { return std::fabs(std::log(a / b)) < 0.02; }

// Four digits are plenty, and steps there and back meet again: 1.414 * sqrt 2 is 2.
double neat(double coefficient) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, coefficient,
                                          std::chars_format::scientific, /*precision=*/3);
  assert(error == std::errc());
  return coefficient_value({buffer, static_cast<size_t>(end - buffer)});
}

// Collects coefficients to start, within bounds, without repeats, up to the number of trials left.
class Wanted {
 public:
  Wanted(const CoefficientPlan& plan, std::span<const CoefficientTrial> begun)
      : plan_(plan), left_(plan.max_trials - static_cast<int>(begun.size())) {
    for (const CoefficientTrial& t : begun) known_.push_back(coefficient_value(t.coefficient));
  }
  void add(double coefficient) {
    if (left_ <= 0 || coefficient < plan_.lowest || coefficient > plan_.highest) return;
    for (const double known : known_)
      if (same(known, coefficient)) return;
    known_.push_back(coefficient);
    out_.push_back(coefficient_text(coefficient == plan_.centre ? coefficient : neat(coefficient)));
    --left_;
  }
  std::vector<std::string> take() { return std::move(out_); }
  bool empty() const { return out_.empty(); }

 private:
  const CoefficientPlan& plan_;
  int left_;
  std::vector<double> known_;
  std::vector<std::string> out_;
};

// centre, centre / factor, centre * factor, centre / factor^2, ...
double rung_of_ladder(const CoefficientPlan& plan, int i) {
  const int steps = (i + 1) / 2;
  return plan.centre * std::pow(plan.factor, i % 2 == 1 ? -steps : steps);
}

}  // namespace

std::string coefficient_text(double coefficient) {
  assert(std::isfinite(coefficient) && coefficient >= 0);
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, coefficient,
                                          std::chars_format::general, /*precision=*/6);
  assert(error == std::errc());
  return {buffer, end};
}

double coefficient_value(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) ||
      value < 0)
    throw Error("\"" + std::string(text) + "\" is not a coefficient: a number >= 0 is needed");
  return value;
}

std::vector<std::string> next_coefficients(const CoefficientPlan& plan,
                                           std::span<const CoefficientTrial> begun) {
  assert(plan.centre > 0 && plan.factor > 1 && plan.first >= 1);
  Wanted wanted(plan, begun);
  for (int i = 0; i < plan.first; ++i) wanted.add(rung_of_ladder(plan, i));
  if (!wanted.empty()) return wanted.take();

  for (const CoefficientTrial& t : begun)
    if (t.state == State::kPending) return {};
  const std::vector<Point> points = points_of(begun);
  if (points.empty()) return {};  // no trials allowed, or no ladder within the bounds
  const size_t best = best_of(points);
  const double lowest = points.front().coefficient, highest = points.back().coefficient;
  const bool none = best == points.size();
  // Equal objectives are no slope: following them would only spend trials.
  const bool low_edge =
      best == 0 && (points.size() == 1 || points[1].objective > points[0].objective);
  if (none || low_edge) wanted.add(lowest / plan.factor);
  if (!none && best + 1 == points.size()) wanted.add(highest * plan.factor);
  if (!wanted.empty() || !plan.refine || none || best == 0 || best + 1 == points.size())
    return wanted.take();

  wanted.add(points[best].coefficient / std::numbers::sqrt2);
  wanted.add(points[best].coefficient * std::numbers::sqrt2);
  return wanted.take();
}

bool settled(const CoefficientPlan& plan, std::span<const CoefficientTrial> begun) {
  for (const CoefficientTrial& t : begun)
    if (t.state == State::kPending) return false;
  return next_coefficients(plan, begun).empty();
}

std::optional<std::string> chosen_coefficient(std::span<const CoefficientTrial> trials) {
  const CoefficientTrial* best = nullptr;
  for (const CoefficientTrial& t : trials) {
    if (t.state != State::kDone) continue;
    assert(std::isfinite(t.objective));
    if (!best || t.objective < best->objective ||
        (t.objective == best->objective &&
         coefficient_value(t.coefficient) < coefficient_value(best->coefficient)))
      best = &t;
  }
  return best ? std::optional(best->coefficient) : std::nullopt;
}

bool is_bracketed(std::span<const CoefficientTrial> trials) {
  const std::vector<Point> points = points_of(trials);
  const size_t best = best_of(points);
  return best > 0 && best + 1 < points.size();
}

}  // namespace ballast::evaluator
