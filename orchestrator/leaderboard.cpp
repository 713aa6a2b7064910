#include "orchestrator/leaderboard.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "common/json.h"

namespace ballast::orchestrator {
namespace {

using population::LeaderboardRow;

std::string figure(const std::optional<double>& x, int decimals) {
  return x ? fixed(*x, decimals) : "-";
}

std::string difference_text(const Ranked& ranked) {
  if (ranked.row.pairs == 0) return "-";
  return with_sign(ranked.row.mean_difference, 4) + " ± " +
         (ranked.estimate ? fixed(ranked.estimate->standard_error, 4) : "?");
}

std::string interval_text(const Ranked& ranked) {
  const auto [low, high] = interval_of(ranked.estimate);
  if (!std::isfinite(low)) return "-";
  return "[" + with_sign(low, 4) + ", " + with_sign(high, 4) + "]";
}

std::string significant(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

// "" for built-ins; candidates with a selection bias are ranked apart from those without.
std::string_view group(const Ranked& ranked) {
  if (is_builtin(ranked.row)) return "built-in balancers";
  return ranked.row.track == "loss" ? "track loss" : "track loss+bias";
}

std::string table_of(const std::vector<const Ranked*>& rows, const Terminal& terminal) {
  using enum Table::Align;
  Table table({{"@", kRight},
               {"name"},
               {"id"},
               {"rung", kRight},
               {"difference", kRight},
               {"95 % interval"},
               {"seeds", kRight},
               {"MaxVio", kRight},
               {"cross-entropy", kRight},
               {"coefficient", kRight}});
  for (const Ranked* ranked : rows) {
    const LeaderboardRow& row = ranked->row;
    table.add({ranked->rank > 0 ? std::to_string(ranked->rank) : "", row.name,
               short_id(row.identity), std::to_string(row.rung), difference_text(*ranked),
               interval_text(*ranked), std::to_string(row.evaluations),
               figure(row.max_vio_global, 3), figure(row.cross_entropy, 4),
               significant(row.coefficient)});
  }
  return table.to_string(terminal);
}

Json optional_json(const std::optional<double>& x) { return x ? Json(*x) : Json(); }

}  // namespace

bool is_builtin(const LeaderboardRow& row) { return row.identity.starts_with("builtin:"); }

std::string short_id(const std::string& identity) {
  return identity.starts_with("builtin:") ? "builtin" : identity.substr(0, 8);
}

std::vector<Ranked> ranked(std::vector<LeaderboardRow> rows,
                           const std::optional<evaluator::VariancePrior>& prior) {
  const auto place = [](const LeaderboardRow& row) {
    return std::make_tuple(!is_builtin(row), -row.rung, row.mean_difference, row.identity);
  };
  std::sort(rows.begin(), rows.end(),
            [&](const auto& a, const auto& b) { return place(a) < place(b); });
  std::vector<Ranked> out;
  int64_t rank = 0;
  for (LeaderboardRow& row : rows) {
    const bool builtin = is_builtin(row);
    const auto estimate = estimate_of(row.pairs, row.mean_difference, row.standard_error, prior);
    out.push_back({builtin ? 0 : ++rank, std::move(row), estimate});
  }
  return out;
}

std::vector<Ranked> ranked(const population::Reader& archive) {
  return ranked(archive.leaderboard(), variance_prior(archive));
}

std::optional<evaluator::VariancePrior> variance_prior(const population::Reader& archive) {
  const population::Table rows = archive.sql(
      "SELECT s.pairs, s.mean_difference, s.standard_error FROM run r JOIN estimate s "
      "JOIN candidate c ON c.id = s.candidate WHERE s.rung >= 2 AND s.standard_error IS NOT NULL "
      "AND c.identity <> r.reference AND c.track <> 'none'",
      std::numeric_limits<size_t>::max());
  std::vector<evaluator::Summary> summaries;
  for (const auto& row : rows.rows) {
    const auto pairs = std::get<int64_t>(row[0]);
    const double error = std::get<double>(row[2]);
    summaries.push_back(
        {pairs, std::get<double>(row[1]), error * error * static_cast<double>(pairs)});
  }
  return evaluator::fit_prior(summaries);
}

std::optional<evaluator::Estimate> estimate_of(
    int64_t pairs, double mean, const std::optional<double>& own_error,
    const std::optional<evaluator::VariancePrior>& prior) {
  if (!own_error || pairs < 2) return std::nullopt;
  return evaluator::moderate({pairs, mean, *own_error * *own_error * static_cast<double>(pairs)},
                             prior);
}

evaluator::Interval interval_of(const std::optional<evaluator::Estimate>& estimate) {
  return estimate ? evaluator::confidence_interval(*estimate) : evaluator::Interval{};
}

std::string leaderboard_text(const std::vector<Ranked>& rows, const Terminal& terminal,
                             size_t most) {
  if (rows.empty()) return "nothing has been measured yet\n";
  std::string out;
  for (const std::string_view title : {"built-in balancers", "track loss", "track loss+bias"}) {
    std::vector<const Ranked*> shown;
    size_t all = 0;
    for (const Ranked& row : rows) {
      if (group(row) != title) continue;
      if (++all <= most) shown.push_back(&row);
    }
    if (shown.empty()) continue;
    out += styled(terminal, Style::kBold, title);
    if (all > shown.size()) {
      out += " (" + std::to_string(shown.size()) + " of " + std::to_string(all) + ")";
    }
    out += "\n" + table_of(shown, terminal) + "\n";
  }
  return out +
         "difference: objective minus the reference's on the same seeds, mean ± standard error "
         "(shrunk to the variance of all); negative is better.\n"
         "interval: of one row looked at alone; the best of many looks better than it is.\n";
}

std::string leaderboard_json(const std::vector<Ranked>& rows) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const auto& [rank, row, estimate] : rows) {
    const auto [low, high] = interval_of(estimate);
    nlohmann::ordered_json j;
    j["rank"] = rank > 0 ? Json(rank) : Json();
    j["identity"] = row.identity;
    j["name"] = row.name;
    j["track"] = row.track;
    j["rung"] = row.rung;
    j["evaluations"] = row.evaluations;
    j["pairs"] = row.pairs;
    j["mean_difference"] = row.mean_difference;
    j["standard_error"] = optional_json(row.standard_error);
    j["shrunk_standard_error"] = estimate ? Json(estimate->standard_error) : Json();
    j["interval"] = std::isfinite(low) ? Json::array({low, high}) : Json();
    j["cross_entropy"] = optional_json(row.cross_entropy);
    j["max_vio_global"] = optional_json(row.max_vio_global);
    j["max_vio_batch"] = optional_json(row.max_vio_batch);
    j["domain_expert_mi"] = optional_json(row.domain_expert_mi);
    j["coefficient"] = row.coefficient;
    j["coefficients_tried"] = row.coefficients_tried;
    j["failures"] = row.failures;
    j["seconds"] = row.seconds;
    j["operator"] = row.op.empty() ? Json() : Json(row.op);
    out.push_back(std::move(j));
  }
  return out.dump(2) + "\n";
}

}  // namespace ballast::orchestrator
