// ballast losses: the balancers there are without writing one.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "candidate/parse.h"
#include "candidate/reference.h"
#include "candidate/shipped.h"
#include "common/builtins.h"
#include "common/error.h"
#include "common/json.h"
#include "common/nearest.h"
#include "orchestrator/command.h"
#include "orchestrator/terminal.h"

namespace ballast::orchestrator {
namespace {

nlohmann::ordered_json list() {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const BuiltinBalancer& row : builtin_balancers()) {
    out.push_back(
        {{"name", row.name}, {"kind", "built-in"}, {"source", row.source}, {"help", row.help}});
  }
  for (const candidate::ShippedRow& row : candidate::shipped()) {
    out.push_back({{"name", row.name},
                   {"kind", "text"},
                   {"source", row.source},
                   {"help", row.help},
                   {"identity", candidate::parse(row.text).program->identity},
                   {"text", row.text}});
  }
  return out;
}

void print_list() {
  constexpr int kSourceWidth = 28;  // the whole of it is in the text and in --json
  Table table({{"name"}, {"kind"}, {"what it does"}, {"source"}});
  for (const BuiltinBalancer& row : builtin_balancers()) {
    table.add({std::string(row.name), "built-in", std::string(row.help), std::string(row.source)});
  }
  for (const candidate::ShippedRow& row : candidate::shipped()) {
    table.add(
        {std::string(row.name), "text", std::string(row.help), clipped(row.source, kSourceWidth)});
  }
  std::cout << table.to_string(terminal_of(1))
            << "\nA name that is both is the built-in; text:NAME is the text.\n";
}

std::string_view text_of(std::string_view name) {
  if (name.starts_with("text:")) name.remove_prefix(5);
  if (const candidate::ShippedRow* row = candidate::find_shipped(name)) return row->text;
  std::vector<std::string_view> names;
  for (const candidate::ShippedRow& row : candidate::shipped()) names.push_back(row.name);
  throw Error("there is no text \"" + std::string(name) + "\"; the nearest is \"" +
                  std::string(nearest(name, names)) + "\" (all of them: ballast losses)",
              ExitCode::kUsage);
}

}  // namespace

Job set_up_losses(CLI::App& app) {
  struct Given : Options {
    std::string name;
    bool reference = false;
  };
  const auto given = std::make_shared<Given>();
  app.add_option("NAME", given->name, "Print this text")->type_name("");
  app.add_flag("--reference", given->reference,
               "Print the reference page docs/language.md instead");
  add_json(app, *given);
  return [given] {
    if (given->reference) {
      std::cout << candidate::language_reference();
    } else if (!given->name.empty()) {
      std::cout << text_of(given->name);
    } else if (given->json) {
      std::cout << list().dump(2) << "\n";
    } else {
      print_list();
    }
    return 0;
  };
}

}  // namespace ballast::orchestrator
