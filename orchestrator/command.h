// The commands of `ballast`: one file each (command_NAME.cpp), one row each in commands().
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config.h"

namespace CLI {
class App;
}

namespace ballast::orchestrator {

// Runs after the command line was parsed; gives the exit code (common/error.h) or throws Error.
using Job = std::function<int()>;

struct Command {
  std::string_view name;
  std::string_view help;         // one line
  std::string_view example;      // shown below --help, a line each
  Job (*set_up)(CLI::App& app);  // adds the options that the job reads
};

const std::vector<Command>& commands();  // in the order of --help

Job set_up_backup(CLI::App& app);
Job set_up_check(CLI::App& app);
Job set_up_config(CLI::App& app);
Job set_up_costs(CLI::App& app);
Job set_up_data(CLI::App& app);
Job set_up_diff(CLI::App& app);
Job set_up_doctor(CLI::App& app);
Job set_up_lineage(CLI::App& app);
Job set_up_losses(CLI::App& app);
Job set_up_replay(CLI::App& app);
Job set_up_search(CLI::App& app);
Job set_up_search_compare(CLI::App& app);  // `search --compare`
Job set_up_show(CLI::App& app);
Job set_up_status(CLI::App& app);
Job set_up_top(CLI::App& app);
Job set_up_train(CLI::App& app);
Job set_up_verify(CLI::App& app);

// What several commands take.
struct Options {
  std::string config;                 // -c FILE
  std::string archive;                // -a FILE: comes before the configuration's
  std::vector<std::string> settings;  // key=value
  bool json = false;

  Config load() const;  // throws Error (usage)
};
void add_config(CLI::App& app, Options& options);
void add_archive(CLI::App& app, Options& options);
void add_settings(CLI::App& app, Options& options);
void add_json(CLI::App& app, Options& options);
void add_candidate(CLI::App& app, std::string& id);  // required, as resolve_id() reads it

}  // namespace ballast::orchestrator
