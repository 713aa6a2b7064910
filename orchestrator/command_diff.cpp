// ballast diff ID ID: what two candidates do differently, as text and as measured.
#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>
#include <map>
#include <memory>

#include "common/json.h"
#include "evaluator/statistics.h"
#include "orchestrator/command.h"
#include "orchestrator/leaderboard.h"
#include "orchestrator/resolve.h"
#include "orchestrator/terminal.h"
#include "orchestrator/text_diff.h"
#include "population/reader.h"

namespace ballast::orchestrator {
namespace {

using OrderedJson = nlohmann::ordered_json;

// The figures that people compare first; --json has all.
constexpr const char* kShown[] = {"cross_entropy",    "bits_per_byte",  "max_vio_global",
                                  "max_vio_batch",    "load_cv",        "dead_experts",
                                  "domain_expert_mi", "router_entropy", "score_sum_ratio"};

struct Side {
  population::CandidateRow row;
  std::string coefficient;  // at the rung compared
  std::map<uint64_t, const Metrics*> by_seed;
  std::vector<population::EvaluationRow> evaluations;
};

struct Difference {
  double a = 0, b = 0;            // means over the seeds that both have
  evaluator::Summary difference;  // b - a, paired
};

struct Compared {
  Side a, b;
  int rung = 0;  // 0: none that both were measured at
  std::map<std::string, Difference> metrics;
};

Side side_of(const population::Reader& archive, const std::string& id) {
  Side side;
  const std::string identity = resolve_id(archive, id);
  side.row = *archive.candidate(identity);
  side.evaluations = archive.evaluations(identity);
  return side;
}

std::map<int, std::string> coefficients(const population::Reader& archive, const Side& side) {
  std::map<int, std::string> out;
  for (const population::EstimateRow& row : archive.estimates(side.row.identity))
    out[row.rung] = row.coefficient;
  return out;
}

void take_rung(Side& side, int rung, const std::string& coefficient) {
  side.coefficient = coefficient;
  for (const population::EvaluationRow& row : side.evaluations)
    if (row.key.rung == rung && row.key.coefficient == coefficient && row.outcome == Outcome::kOk &&
        row.purpose != "train")
      side.by_seed[row.key.seed] = &row.metrics;
}

// At the highest rung where both have seeds in common, each at its own coefficient.
void compare_metrics(const population::Reader& archive, Compared& out) {
  const auto of_a = coefficients(archive, out.a), of_b = coefficients(archive, out.b);
  for (auto it = of_a.rbegin(); it != of_a.rend() && out.rung == 0; ++it) {
    const auto other = of_b.find(it->first);
    if (other == of_b.end()) continue;
    out.a.by_seed.clear();
    out.b.by_seed.clear();
    take_rung(out.a, it->first, it->second);
    take_rung(out.b, it->first, other->second);
    std::map<std::string, std::vector<std::pair<double, double>>> pairs;
    for (const auto& [seed, metrics] : out.a.by_seed) {
      const auto twin = out.b.by_seed.find(seed);
      if (twin == out.b.by_seed.end()) continue;
      for (const auto& [name, value] : metrics->scalars) {
        const auto same = twin->second->scalars.find(name);
        if (same != twin->second->scalars.end() && std::isfinite(value) &&
            std::isfinite(same->second))
          pairs[name].emplace_back(value, same->second);
      }
    }
    for (const auto& [name, values] : pairs) {
      std::vector<double> differences;
      Difference& d = out.metrics[name];
      for (const auto& [x, y] : values) {
        d.a += x / static_cast<double>(values.size());
        d.b += y / static_cast<double>(values.size());
        differences.push_back(y - x);
      }
      d.difference = evaluator::summarise(differences);
      out.rung = it->first;
    }
  }
}

std::string text_of(const Side& side) {
  return side.row.source.empty() ? "# " + side.row.name + " is built into the trainer: no text\n"
                                 : side.row.source;
}

std::string label(const Side& side) {
  return side.row.name + " (" + short_id(side.row.identity) + ")";
}

evaluator::Interval interval(const Difference& d) {
  return interval_of(estimate_of(d.difference.pairs, d.difference.mean,
                                 d.difference.standard_error(), std::nullopt));
}

void print(const Compared& c, const std::string& diff) {
  std::cout << (diff.empty() ? "the texts are the same\n" : diff) << "\n";
  if (c.rung == 0) {
    std::cout << "there is no rung at which both were measured on the same seeds\n";
    return;
  }
  using enum Table::Align;
  Table table({{"metric"},
               {c.a.row.name, kRight},
               {c.b.row.name, kRight},
               {"difference", kRight},
               {"95 % interval"}});
  int64_t pairs = 0;
  for (const char* name : kShown) {
    const auto it = c.metrics.find(name);
    if (it == c.metrics.end()) continue;
    const Difference& d = it->second;
    const auto error = d.difference.standard_error();
    const evaluator::Interval bounds = interval(d);
    pairs = d.difference.pairs;
    table.add({name, fixed(d.a, 4), fixed(d.b, 4),
               with_sign(d.difference.mean, 4) + " ± " + (error ? fixed(*error, 4) : "?"),
               std::isfinite(bounds.low)
                   ? "[" + with_sign(bounds.low, 4) + ", " + with_sign(bounds.high, 4) + "]"
                   : "-"});
  }
  std::cout << "rung " << c.rung << ", " << pairs << (pairs == 1 ? " seed" : " seeds")
            << " that both have; coefficients " << c.a.coefficient << " and " << c.b.coefficient
            << "\n"
            << table.to_string(terminal_of(1));
}

OrderedJson json_of(const Compared& c, const std::string& diff) {
  const auto side = [](const Side& s) {
    return OrderedJson{{"identity", s.row.identity},
                       {"name", s.row.name},
                       {"track", s.row.track},
                       {"unit", s.row.unit},
                       {"coefficient", s.coefficient.empty() ? Json() : Json(s.coefficient)}};
  };
  OrderedJson metrics = OrderedJson::object();
  for (const auto& [name, d] : c.metrics) {
    const auto error = d.difference.standard_error();
    const evaluator::Interval bounds = interval(d);
    metrics[name] = {
        {"a", d.a},
        {"b", d.b},
        {"difference", d.difference.mean},
        {"standard_error", error ? Json(*error) : Json()},
        {"interval", std::isfinite(bounds.low) ? Json::array({bounds.low, bounds.high}) : Json()},
        {"pairs", d.difference.pairs}};
  }
  return {{"a", side(c.a)},
          {"b", side(c.b)},
          {"rung", c.rung > 0 ? Json(c.rung) : Json()},
          {"diff", diff},
          {"metrics", metrics}};
}

}  // namespace

Job set_up_diff(CLI::App& app) {
  struct Given : Options {
    std::string a, b;
  };
  const auto given = std::make_shared<Given>();
  add_candidate(app, given->a);
  app.add_option("OTHER", given->b, "What it is compared with")->required()->type_name("");
  add_archive(app, *given);
  add_config(app, *given);
  add_json(app, *given);
  return [given] {
    const population::Reader archive(given->load().archive);
    Compared compared;
    compared.a = side_of(archive, given->a);
    compared.b = side_of(archive, given->b);
    compare_metrics(archive, compared);
    const std::string diff = unified_diff(text_of(compared.a), label(compared.a),
                                          text_of(compared.b), label(compared.b));
    if (given->json)
      std::cout << json_of(compared, diff).dump(2) << "\n";
    else
      print(compared, diff);
    return 0;
  };
}

}  // namespace ballast::orchestrator
