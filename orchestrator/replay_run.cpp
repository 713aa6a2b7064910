#include "orchestrator/replay_run.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/clock.h"
#include "common/error.h"
#include "orchestrator/digest.h"
#include "orchestrator/replay_player.h"
#include "orchestrator/search.h"

namespace ballast::orchestrator {
namespace {

// Time that stands: no budget of seconds is ever used up.
class StandingClock final : public Clock {
 public:
  int64_t wall_ns() const override { return system_.wall_ns(); }
  double monotonic() const override { return 0; }

 private:
  SystemClock system_;
};

// The name that a text to start from had (Proposer::seed writes it into the detail).
std::string seed_name(const population::ProposalRow& row) {
  constexpr std::string_view kPrefix = "shipped as ";
  if (!row.detail.starts_with(kPrefix)) return "";
  const std::string rest = row.detail.substr(kPrefix.size());
  return rest.substr(0, rest.find(": "));
}

SearchConfig config_for(const population::Record& record, const population::SessionRow& session,
                        const Place& end, const ConfigOfSession& config_of) {
  SearchConfig config = config_of(session);
  config.build = session.build;
  config.max_seconds = 0;
  config.infra_delay = 0;
  config.use_shipped = false;
  config.seeds.clear();
  std::set<std::string> names;
  for (size_t i = 0; i < static_cast<size_t>(end.proposals); ++i) {
    const population::ProposalRow& row = record.proposals[i];
    if (row.op != "seed") continue;
    config.seeds.push_back({seed_name(row), row.source});
    names.insert(config.seeds.back().name);
  }
  std::erase_if(config.first_seeds, [&](const std::string& name) { return !names.contains(name); });
  return config;
}

// Candidates and evaluations that no search made (full trainings) are part of the digest, and
// nothing that could be repeated.
void refuse_full_trainings(const population::Record& record) {
  for (const population::EvaluationRow& row : record.evaluations)
    if (row.purpose == "train")
      throw Error("replaying: evaluation " + std::to_string(row.id) +
                  " is a full training, which is no part of a search; replay an archive without");
}

void refuse_old(const population::Record& record) {
  const bool finished =
      std::any_of(record.evaluations.begin(), record.evaluations.end(),
                  [](const population::EvaluationRow& row) { return row.outcome.has_value(); });
  require(!finished || !record.arrivals.empty(),
          "replaying: the search that wrote this archive did not note the order in which results "
          "came (it is of an older version): replay it with the build that wrote it, " +
              record.sessions.back().build);
}

}  // namespace

ReplayEnd replay_run(const population::Record& record, const ConfigOfSession& config_of,
                     evaluator::Sandbox& probes, population::Archive& out,
                     const std::function<void(const ReplayProgress&)>& on_progress,
                     std::stop_token stop) {
  require(record.run.has_value() && !record.sessions.empty(),
          "replaying: no search has run in this archive");
  refuse_full_trainings(record);
  refuse_old(record);
  Player player(record, out, on_progress, std::move(stop));
  const StandingClock clock;
  ReplayEnd end;
  for (size_t i = 0; i < player.parts() && player.parted().empty() && !player.interrupted(); ++i) {
    const SearchConfig config =
        config_for(record, record.sessions[i], player.part(i).end, config_of);
    player.begin(i, config.workers);
    Search search(config, out, player, probes, clock, player, &player.llm());
    try {
      search.run(player.token());
      end.trouble.clear();
    } catch (const Error& error) {
      end.trouble = error.what();
    }
    ++end.sessions;
  }
  end.proposals = player.place().proposals;
  end.evaluations = player.results();
  end.interrupted = player.interrupted();
  const population::Record repeated = rows_of(out);
  end.recorded = digest(record);
  end.repeated = digest(repeated);
  if (end.recorded != end.repeated)
    end.difference = first_difference(record, "the archive", repeated, "the replay");
  if (!end.difference.empty() && !player.parted().empty())
    end.difference = player.parted();  // what the tables differ in only follows from it
  return end;
}

}  // namespace ballast::orchestrator
