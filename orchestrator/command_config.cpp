// ballast config: the effective settings.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "orchestrator/command.h"

namespace ballast::orchestrator {

Job set_up_config(CLI::App& app) {
  struct Given : Options {
    bool markdown = false;
  };
  const auto given = std::make_shared<Given>();
  add_config(app, *given);
  add_settings(app, *given);
  add_json(app, *given);
  app.add_flag("--markdown", given->markdown, "Print the reference page docs/config.md instead");
  return [given] {
    if (given->markdown) {
      std::cout << config_markdown();
    } else {
      const Config config = given->load();
      std::cout << (given->json ? to_json(config) + "\n" : to_toml(config, Help::kAsComments));
    }
    return 0;
  };
}

}  // namespace ballast::orchestrator
