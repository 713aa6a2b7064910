#include <CLI/CLI.hpp>

#include "orchestrator/command.h"

namespace ballast::orchestrator {

void add_config(CLI::App& app, Options& options) {
  app.add_option("-c,--config", options.config, "Settings (TOML); without it the defaults hold")
      ->type_name("FILE");
}

void add_archive(CLI::App& app, Options& options) {
  app.add_option("-a,--archive", options.archive,
                 "Archive of the search (default: that of the settings)")
      ->type_name("FILE");
}

void add_settings(CLI::App& app, Options& options) {
  app.add_option("settings", options.settings,
                 "Settings that come before the file's: see docs/config.md")
      ->type_name("key=value");
}

void add_json(CLI::App& app, Options& options) {
  app.add_flag("--json", options.json, "Print JSON");
}

void add_candidate(CLI::App& app, std::string& id) {
  app.add_option("ID", id, "@rank, a name, or at least 6 digits of an identity")
      ->required()
      ->type_name("");
}

Config Options::load() const {
  Config loaded = load_config(config, settings);
  if (!archive.empty()) loaded.archive = archive;
  return loaded;
}

}  // namespace ballast::orchestrator
