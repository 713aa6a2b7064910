// ballast costs: what language models have cost and brought.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "orchestrator/command.h"
#include "orchestrator/costs.h"
#include "orchestrator/terminal.h"
#include "population/reader.h"

namespace ballast::orchestrator {

Job set_up_costs(CLI::App& app) {
  const auto given = std::make_shared<Options>();
  add_archive(app, *given);
  add_config(app, *given);
  add_json(app, *given);
  return [given] {
    const population::Reader archive(given->load().archive);
    const std::vector<population::CostRow> rows = archive.costs();
    std::cout << (given->json ? costs_json(rows) : costs_text(rows, terminal_of(1)));
    return 0;
  };
}

}  // namespace ballast::orchestrator
