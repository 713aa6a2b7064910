// ballast backup ARCHIVE OUT: a copy as of one moment, also while a search writes.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "common/json.h"
#include "orchestrator/command.h"
#include "orchestrator/digest.h"
#include "orchestrator/terminal.h"
#include "population/open.h"

namespace ballast::orchestrator {

Job set_up_backup(CLI::App& app) {
  struct Given : Options {
    std::string from, to;
  };
  const auto given = std::make_shared<Given>();
  app.add_option("ARCHIVE", given->from, "What is copied")->required()->type_name("");
  app.add_option("OUT", given->to, "A new file")->required()->type_name("");
  add_json(app, *given);
  return [given] {
    const int64_t schema = population::copy_archive(given->from, given->to);
    const int64_t current = population::current_schema().version();
    const auto bytes = static_cast<int64_t>(std::filesystem::file_size(given->to));
    const std::string hash = digest(population::Reader(given->to).record());
    if (given->json)
      std::cout << nlohmann::ordered_json{{"archive", given->from},
                                          {"out", given->to},
                                          {"bytes", bytes},
                                          {"schema_was", schema},
                                          {"digest", hash}}
                       .dump(2)
                << "\n";
    else
      std::cout << given->to << ": " << count(bytes) << " bytes, checked; digest " << hash << "\n"
                << (schema == current
                        ? ""
                        : "migrated from schema " + std::to_string(schema) + " to " +
                              std::to_string(current) + "; " + given->from + " stays as it is\n");
    return 0;
  };
}

}  // namespace ballast::orchestrator
