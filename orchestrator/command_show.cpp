// ballast show ID: everything the archive knows about one candidate; --prompt: what was sent to
// models for it, and answered.
#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>
#include <memory>

#include "common/error.h"
#include "common/json.h"
#include "orchestrator/command.h"
#include "orchestrator/conversation.h"
#include "orchestrator/leaderboard.h"
#include "orchestrator/resolve.h"
#include "orchestrator/terminal.h"
#include "population/reader.h"

namespace ballast::orchestrator {
namespace {

using OrderedJson = nlohmann::ordered_json;
using population::EstimateRow;
using population::EvaluationRow;

struct Shown {
  population::CandidateRow candidate;
  std::vector<EstimateRow> estimates;
  std::vector<EvaluationRow> evaluations;
  std::vector<population::LineageRow> lineage;
  population::Table proposals;  // operator, outcome, reason, detail
  population::Table islands;    // island, origin, since
  std::optional<evaluator::VariancePrior> prior;
};

Shown collect(const population::Reader& archive, const std::string& identity) {
  Shown shown;
  shown.candidate = *archive.candidate(identity);
  shown.estimates = archive.estimates(identity);
  shown.evaluations = archive.evaluations(identity);
  shown.lineage = archive.lineage(identity);
  // An identity is hexadecimal digits or a built-in's name: nothing to escape.
  shown.proposals =
      archive.sql("SELECT id, operator, outcome, reason, detail FROM proposal WHERE identity = '" +
                      identity + "' ORDER BY id",
                  1000);
  shown.islands = archive.sql(
      "SELECT m.island, m.origin, m.since FROM membership m JOIN candidate c ON c.id = m.candidate "
      "WHERE c.identity = '" +
          identity + "' ORDER BY m.island",
      1000);
  shown.prior = variance_prior(archive);
  return shown;
}

std::optional<evaluator::Estimate> estimated(const Shown& shown, const EstimateRow& row) {
  return estimate_of(row.pairs, row.mean_difference, row.standard_error, shown.prior);
}

std::string bounds_text(const evaluator::Interval& bounds) {
  if (!std::isfinite(bounds.low)) return "-";
  return "[" + with_sign(bounds.low, 4) + ", " + with_sign(bounds.high, 4) + "]";
}

double metric(const EvaluationRow& row, const char* name) {
  const auto it = row.metrics.scalars.find(name);
  return it == row.metrics.scalars.end() ? std::nan("") : it->second;
}

std::string cell_text(const population::Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<int64_t>(&cell)) return std::to_string(*number);
  return "";
}

std::string outcome_text(const EvaluationRow& row) {
  return row.outcome ? std::string(to_string(*row.outcome)) : "unfinished";
}

void print_estimates(const Shown& shown, const Terminal& terminal) {
  if (shown.estimates.empty()) return;
  using enum Table::Align;
  Table table({{"rung", kRight},
               {"difference from the reference"},
               {"95 % interval"},
               {"pairs", kRight},
               {"coefficient", kRight}});
  for (const EstimateRow& row : shown.estimates) {
    const auto estimate = estimated(shown, row);
    table.add({std::to_string(row.rung),
               with_sign(row.mean_difference, 4) + " ± " +
                   (estimate ? fixed(estimate->standard_error, 4) : "?"),
               bounds_text(interval_of(estimate)), std::to_string(row.pairs), row.coefficient});
  }
  std::cout << "\n" << table.to_string(terminal);
}

void print_evaluations(const Shown& shown, const Terminal& terminal) {
  if (shown.evaluations.empty()) return;
  using enum Table::Align;
  Table table({{"rung", kRight},
               {"for"},
               {"seed", kRight},
               {"coefficient", kRight},
               {"outcome"},
               {"cross-entropy", kRight},
               {"MaxVio", kRight},
               {"tokens", kRight},
               {"time", kRight},
               {"sandbox"}});
  for (const EvaluationRow& row : shown.evaluations) {
    const bool ok = row.outcome == Outcome::kOk;
    table.add({std::to_string(row.key.rung), row.purpose, std::to_string(row.key.seed),
               row.key.coefficient, outcome_text(row),
               ok ? fixed(metric(row, "cross_entropy"), 4) : "-",
               ok ? fixed(metric(row, "max_vio_global"), 3) : "-", count(row.tokens),
               row.outcome ? duration(row.seconds) : "-", row.sandbox_level});
  }
  std::cout << "\n" << table.to_string(terminal);
  for (const EvaluationRow& row : shown.evaluations) {
    if (!row.message.empty()) std::cout << outcome_text(row) << ": " << row.message << "\n";
  }
}

void print_history(const Shown& shown) {
  if (!shown.lineage.empty()) std::cout << "\n";
  for (const population::LineageRow& row : shown.lineage) {
    std::cout << "generation " << row.generation << ": " << row.name << " ("
              << short_id(row.identity) << ")";
    if (!row.op.empty()) std::cout << " by " << row.op;
    if (!row.parent.empty())
      std::cout << " from " << row.parent_name << " (" << short_id(row.parent) << ")";
    std::cout << "\n";
  }
  if (shown.proposals.rows.size() > 1) {
    std::cout << "proposed " << shown.proposals.rows.size() << " times:\n";
    for (const auto& row : shown.proposals.rows) {
      std::cout << "  proposal " << cell_text(row[0]) << " by " << cell_text(row[1]) << ": "
                << cell_text(row[3]) << "\n";
    }
  }
}

// "island 0, island 1 (from 0)".
std::string islands_text(const population::Table& islands) {
  std::string out;
  for (const auto& row : islands.rows) {
    out += (out.empty() ? "island " : ", island ") + cell_text(row[0]);
    if (const std::string origin = cell_text(row[1]); !origin.empty())
      out += " (from " + origin + ")";
  }
  return out;
}

void print(const Shown& shown) {
  const Terminal terminal = terminal_of(1);
  const population::CandidateRow& candidate = shown.candidate;
  std::cout << styled(terminal, Style::kBold, candidate.name) << "  " << candidate.identity
            << "\ntrack " << candidate.track << ", one unit of coefficient multiplies by "
            << candidate.unit
            << (candidate.order_dependent ? ", depends on the order of tokens" : "") << "\n";
  if (!shown.islands.rows.empty()) std::cout << "lives on " << islands_text(shown.islands) << "\n";
  if (!candidate.source.empty()) std::cout << "\n" << candidate.source;
  print_estimates(shown, terminal);
  print_evaluations(shown, terminal);
  print_history(shown);
}

OrderedJson evaluation_json(const EvaluationRow& row) {
  return {{"rung", row.key.rung},
          {"purpose", row.purpose},
          {"seed", row.key.seed},
          {"coefficient", row.key.coefficient},
          {"spec_hash", row.key.spec_hash},
          {"build", row.key.build},
          {"device_class", row.key.device_class},
          {"tokens", row.tokens},
          {"outcome", row.outcome ? Json(to_string(*row.outcome)) : Json()},
          {"message", row.message},
          {"seconds", row.seconds},
          {"sandbox_level", row.sandbox_level},
          {"metrics", Json::parse(to_json(row.metrics))}};
}

OrderedJson json_of(const Shown& shown) {
  OrderedJson estimates = OrderedJson::array(), evaluations = OrderedJson::array(),
              lineage = OrderedJson::array(), proposals = OrderedJson::array();
  for (const EstimateRow& row : shown.estimates) {
    const auto estimate = estimated(shown, row);
    const evaluator::Interval bounds = interval_of(estimate);
    estimates.push_back(
        {{"rung", row.rung},
         {"coefficient", row.coefficient},
         {"pairs", row.pairs},
         {"mean_difference", row.mean_difference},
         {"standard_error", row.standard_error ? Json(*row.standard_error) : Json()},
         {"shrunk_standard_error", estimate ? Json(estimate->standard_error) : Json()},
         {"interval",
          std::isfinite(bounds.low) ? Json::array({bounds.low, bounds.high}) : Json()}});
  }
  for (const EvaluationRow& row : shown.evaluations) evaluations.push_back(evaluation_json(row));
  for (const population::LineageRow& row : shown.lineage) {
    lineage.push_back({{"identity", row.identity},
                       {"name", row.name},
                       {"generation", row.generation},
                       {"operator", row.op.empty() ? Json() : Json(row.op)},
                       {"parent", row.parent.empty() ? Json() : Json(row.parent)}});
  }
  for (const auto& row : shown.proposals.rows) {
    proposals.push_back({{"id", std::get<int64_t>(row[0])},
                         {"operator", cell_text(row[1])},
                         {"outcome", cell_text(row[2])},
                         {"reason", cell_text(row[3])},
                         {"detail", cell_text(row[4])}});
  }
  OrderedJson islands = OrderedJson::array();
  for (const auto& row : shown.islands.rows) {
    const auto* origin = std::get_if<int64_t>(&row[1]);
    islands.push_back({{"island", std::get<int64_t>(row[0])},
                       {"origin", origin ? Json(*origin) : Json()},
                       {"since", std::get<int64_t>(row[2])}});
  }
  const population::CandidateRow& candidate = shown.candidate;
  return {{"identity", candidate.identity},
          {"name", candidate.name},
          {"track", candidate.track},
          {"unit", candidate.unit},
          {"order_dependent", candidate.order_dependent},
          {"source", candidate.source},
          {"estimates", estimates},
          {"evaluations", evaluations},
          {"lineage", lineage},
          {"islands", islands},
          {"proposals", proposals}};
}

int show_conversation(const population::Reader& archive, int64_t proposal, bool json) {
  const auto conversation = conversation_of(archive, proposal);
  if (!conversation)
    throw Error("showing proposal " + std::to_string(proposal) +
                    ": the archive has none of that number (the column id of its table proposal)",
                ExitCode::kUsage);
  if (json)
    std::cout << conversation_json(*conversation) << "\n";
  else
    std::cout << conversation_text(*conversation, terminal_of(1));
  return 0;
}

// Of the proposal that made a candidate.
int show_conversation(const population::Reader& archive, const std::string& identity, bool json) {
  if (const auto proposal = birth_of(archive, identity))
    return show_conversation(archive, *proposal, json);
  if (json)
    std::cout << OrderedJson{{"proposal", Json()}, {"calls", Json::array()}}.dump(2) << "\n";
  else
    std::cout << identity << " is built in: no model was asked for it\n";
  return 0;
}

}  // namespace

Job set_up_show(CLI::App& app) {
  struct Given : Options {
    std::string id;
    bool prompt = false;
    std::optional<int64_t> proposal;
  };
  const auto given = std::make_shared<Given>();
  add_candidate(app, given->id);
  app.get_option("ID")->required(false);
  app.add_flag("--prompt", given->prompt,
               "Instead: what was sent to models for it, and what they answered");
  app.add_option("--proposal", given->proposal,
                 "The same for a proposal, also a rejected one: its id in the table proposal")
      ->type_name("N")
      ->excludes("ID");
  add_archive(app, *given);
  add_config(app, *given);
  add_json(app, *given);
  return [given] {
    if (given->id.empty() && !given->proposal)
      throw Error("show: name a candidate by its ID, or a proposal with --proposal N",
                  ExitCode::kUsage);
    const population::Reader archive(given->load().archive);
    if (given->proposal) return show_conversation(archive, *given->proposal, given->json);
    if (given->prompt)
      return show_conversation(archive, resolve_id(archive, given->id), given->json);
    const Shown shown = collect(archive, resolve_id(archive, given->id));
    if (given->json) {
      std::cout << json_of(shown).dump(2) << "\n";
    } else {
      print(shown);
    }
    return 0;
  };
}

}  // namespace ballast::orchestrator
