// ballast status: how far a search is, while it runs or afterwards.
#include <CLI/CLI.hpp>
#include <iostream>
#include <limits>
#include <map>
#include <memory>

#include "common/error.h"
#include "common/json.h"
#include "orchestrator/command.h"
#include "orchestrator/leaderboard.h"
#include "orchestrator/terminal.h"
#include "population/reader.h"

namespace ballast::orchestrator {
namespace {

using OrderedJson = nlohmann::ordered_json;

struct Island {
  int64_t number = 0, candidates = 0;
  int64_t migrants = 0;  // of those, from another island
  std::string best;      // name of the best that is measured; "" for none
};

struct Snapshot {
  std::string archive, state;  // "running", "ended", "stopped" (killed), "empty"
  std::optional<int> pid;
  std::optional<population::RunRow> run;
  std::optional<Config> config;  // of the last start; none when another build's settings differ
  std::string reason;            // of the last end; empty while it runs or when it was killed
  double seconds = 0;            // searching, over all starts
  int64_t finished = 0;
  population::Counts counts;
  std::vector<Ranked> rows;
  std::optional<Json> bandit;   // as the search wrote it: {"rule", "arms"}
  std::vector<Island> islands;  // none in a search with one
};

std::vector<Island> islands_of(const population::Reader& archive, const std::vector<Ranked>& rows) {
  const population::Table table = archive.sql(
      "SELECT m.island, c.identity, m.origin FROM membership m JOIN candidate c "
      "ON c.id = m.candidate ORDER BY m.island",
      std::numeric_limits<size_t>::max());
  std::map<std::string, size_t> places;  // in `rows`: the best first
  for (size_t i = 0; i < rows.size(); ++i) places[rows[i].row.identity] = i;
  std::vector<Island> out;
  std::vector<size_t> best;
  for (const auto& row : table.rows) {
    const auto number = std::get<int64_t>(row[0]);
    if (out.empty() || out.back().number != number) {
      out.push_back({number, 0, 0, ""});
      best.push_back(rows.size());
    }
    ++out.back().candidates;
    if (std::holds_alternative<int64_t>(row[2])) ++out.back().migrants;
    const auto place = places.find(std::get<std::string>(row[1]));
    if (place == places.end() || place->second >= best.back()) continue;
    best.back() = place->second;
    out.back().best = rows[place->second].row.name;
  }
  return out;
}

Snapshot look(const std::string& path) {
  const population::Reader archive(path);
  Snapshot s;
  s.archive = path;
  s.pid = archive.writer_pid();
  s.run = archive.run();
  s.counts = archive.counts();
  for (const auto& [outcome, number] : s.counts.evaluations) s.finished += number;
  s.rows = ranked(archive);
  if (const auto text = archive.state("search.seconds")) {
    s.seconds = number_from(parse_json(*text, "search.seconds"), "search.seconds");
  }
  if (const auto text = archive.state("search.bandit")) {
    s.bandit = parse_json(*text, "search.bandit");
  }
  s.islands = islands_of(archive, s.rows);
  s.state = s.pid ? "running" : "empty";
  const std::vector<population::SessionRow> sessions = archive.sessions();
  if (sessions.empty()) return s;
  try {
    Config config;
    apply_toml(config, sessions.back().config, path);
    s.config = config;
  } catch (const Error&) {
    // Written by a build with other settings: everything else can be shown all the same.
  }
  s.reason = sessions.back().reason;
  if (!s.pid) s.state = sessions.back().ended_ns ? "ended" : "stopped";
  return s;
}

const Ranked* best(const Snapshot& s) {
  for (const Ranked& row : s.rows) {
    if (row.rank == 1) return &row;
  }
  return nullptr;
}

OrderedJson json_of(const Snapshot& s) {
  OrderedJson j{{"archive", s.archive},
                {"state", s.state},
                {"pid", s.pid ? Json(*s.pid) : Json()},
                {"reason", s.reason.empty() ? Json() : Json(s.reason)},
                {"seconds", s.seconds},
                {"max_seconds", s.config ? Json(s.config->max_seconds) : Json()},
                {"max_evaluations", s.config ? Json(s.config->max_evaluations) : Json()},
                {"candidates", s.counts.candidates},
                {"measured", s.rows.size()},
                {"evaluations", s.finished},
                {"unfinished", s.counts.unfinished},
                {"evaluation_outcomes", s.counts.evaluations},
                {"proposals", s.counts.proposals},
                {"accepted", s.counts.accepted},
                {"bandit", s.bandit.value_or(Json())}};
  j["run"] = nullptr;
  if (s.run) {
    j["run"] = {{"seed", s.run->seed},           {"build", s.run->build},
                {"spec_hash", s.run->spec_hash}, {"objective", s.run->objective},
                {"reference", s.run->reference}, {"config_hash", s.run->config_hash}};
  }
  j["islands"] = OrderedJson::array();
  for (const Island& island : s.islands) {
    j["islands"].push_back({{"island", island.number},
                            {"candidates", island.candidates},
                            {"migrants", island.migrants},
                            {"best", island.best.empty() ? Json() : Json(island.best)}});
  }
  const Ranked* first = best(s);
  j["best"] = first == nullptr ? OrderedJson() : OrderedJson::parse(leaderboard_json({*first}))[0];
  return j;
}

std::string listed(const std::map<std::string, int64_t>& numbers) {
  std::string out;
  for (const auto& [name, number] : numbers) {
    out += (out.empty() ? "" : ", ") + name + " " + count(number);
  }
  return out.empty() ? "none" : out;
}

void print_bandit(const Json& bandit) {
  using enum Table::Align;
  Table table({{"operator"},
               {"proposed", kRight},
               {"share", kRight},
               {"judged", kRight},
               {"mean reward", kRight}});
  for (const Json& arm : bandit.at("arms")) {
    const Json& reward = arm.at("mean_reward");
    table.add({arm.at("operator").get<std::string>(), count(arm.at("submitted").get<int64_t>()),
               fixed(100 * arm.at("share").get<double>(), 0) + " %",
               count(arm.at("completed").get<int64_t>()),
               reward.is_null() ? "-" : with_sign(reward.get<double>(), 4)});
  }
  std::cout << "\noperators, chosen by the rule " << bandit.at("rule").get<std::string>() << "\n"
            << table.to_string(terminal_of(1));
}

void print_islands(const std::vector<Island>& islands) {
  using enum Table::Align;
  Table table({{"island", kRight}, {"candidates", kRight}, {"migrants", kRight}, {"best"}});
  for (const Island& island : islands) {
    table.add({std::to_string(island.number), count(island.candidates), count(island.migrants),
               island.best.empty() ? "-" : island.best});
  }
  std::cout << "\n" << table.to_string(terminal_of(1));
}

std::string state_text(const Snapshot& s) {
  if (s.pid) return "running (process " + std::to_string(*s.pid) + ")";
  if (s.state == "ended") return "ended: " + s.reason;
  if (s.state == "stopped")
    return "stopped without a word (killed?); the same search command goes on";
  return "no search has run";
}

void print(const Snapshot& s) {
  std::cout << s.archive << ": " << state_text(s) << "\n";
  if (!s.run) return;
  std::cout << "time         " << duration(s.seconds);
  if (s.config && s.config->max_seconds > 0) std::cout << " of " << duration(s.config->max_seconds);
  std::cout << "\ntrainings    " << count(s.finished);
  if (s.config && s.config->max_evaluations > 0)
    std::cout << " of " << count(s.config->max_evaluations);
  std::cout << " (" << listed(s.counts.evaluations) << "), " << s.counts.unfinished
            << " begun and not finished\ncandidates   " << count(s.counts.candidates) << ", "
            << count(static_cast<int64_t>(s.rows.size())) << " measured, built-ins included"
            << "\nproposals    " << listed(s.counts.proposals) << "\naccepted     "
            << listed(s.counts.accepted) << "\n";
  if (s.bandit) print_bandit(*s.bandit);
  if (!s.islands.empty()) print_islands(s.islands);
  if (const Ranked* first = best(s)) {
    std::cout << "\n" << leaderboard_text({*first}, terminal_of(1), 1);
  }
}

}  // namespace

Job set_up_status(CLI::App& app) {
  const auto given = std::make_shared<Options>();
  add_archive(app, *given);
  add_config(app, *given);
  add_json(app, *given);
  return [given] {
    const Snapshot snapshot = look(given->load().archive);
    if (given->json) {
      std::cout << json_of(snapshot).dump(2) << "\n";
    } else {
      print(snapshot);
    }
    return 0;
  };
}

}  // namespace ballast::orchestrator
