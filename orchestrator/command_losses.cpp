// ballast losses: the balancers there are without writing one.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "common/builtins.h"
#include "common/json.h"
#include "orchestrator/command.h"
#include "orchestrator/terminal.h"

namespace ballast::orchestrator {
namespace {

void print_json() {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const BuiltinBalancer& row : builtin_balancers()) {
    out.push_back(
        {{"name", row.name}, {"kind", "built-in"}, {"source", row.source}, {"help", row.help}});
  }
  std::cout << out.dump(2) << "\n";
}

}  // namespace

Job set_up_losses(CLI::App& app) {
  const auto given = std::make_shared<Options>();
  add_json(app, *given);
  return [given] {
    if (given->json) {
      print_json();
      return 0;
    }
    Table table({{"name"}, {"kind"}, {"source"}, {"what it does"}});
    for (const BuiltinBalancer& row : builtin_balancers()) {
      table.add(
          {std::string(row.name), "built-in", std::string(row.source), std::string(row.help)});
    }
    std::cout << table.to_string(terminal_of(1));
    return 0;
  };
}

}  // namespace ballast::orchestrator
