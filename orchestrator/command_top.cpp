// ballast top: the leaderboard of an archive.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "orchestrator/command.h"
#include "orchestrator/leaderboard.h"
#include "orchestrator/terminal.h"
#include "population/reader.h"

namespace ballast::orchestrator {

Job set_up_top(CLI::App& app) {
  struct Given : Options {
    int rung = 0;
    size_t most = 20;
  };
  const auto given = std::make_shared<Given>();
  add_archive(app, *given);
  add_config(app, *given);
  add_json(app, *given);
  app.add_option("--rung", given->rung, "Only those whose highest rung is this one")
      ->check(CLI::PositiveNumber)
      ->type_name("R");
  app.add_option("-n", given->most, "Rows of each table (20)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  return [given] {
    const population::Reader archive(given->load().archive);
    std::vector<Ranked> rows = ranked(archive);
    if (given->rung > 0) {
      std::erase_if(rows, [&](const Ranked& row) { return row.row.rung != given->rung; });
    }
    std::cout << (given->json ? leaderboard_json(rows)
                              : leaderboard_text(rows, terminal_of(1), given->most));
    return 0;
  };
}

}  // namespace ballast::orchestrator
