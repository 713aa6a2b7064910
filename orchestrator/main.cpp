// ballast: the command line. Parses, runs one command, turns errors into messages and exit codes.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <vector>

#include "common/build_info.h"
#include "common/error.h"
#include "common/nearest.h"
#include "orchestrator/command.h"
#include "orchestrator/terminal.h"

namespace ballast::orchestrator {
namespace {

constexpr const char* kFooter =
    "`ballast COMMAND --help` shows a command's options and an example.\n"
    "Exit codes: 0 done, 1 failed, 2 usage or settings, 3 invalid candidate, 130/143 interrupted.";

std::string version() {
  return "ballast " + ballast_version() + " (" + git_revision() + ", build " + numeric_build() +
         ", " + compiler() + ", LibTorch " + libtorch_version() + ")";
}

void complain(const std::string& text) {
  std::cerr << styled(terminal_of(2), Style::kRed, "ballast:") << " " << text << std::endl;
}

// Throws Error (usage) when the first word is none of the commands.
void check_command(int argc, char** argv) {
  const std::string_view word = argc > 1 ? argv[1] : "-";
  std::vector<std::string_view> names;
  for (const Command& command : commands()) {
    if (word == command.name) return;
    names.push_back(command.name);
  }
  if (word.starts_with('-')) return;
  throw Error("there is no command \"" + std::string(word) + "\"; the nearest is \"" +
                  std::string(nearest(word, names)) + "\" (all of them: ballast --help)",
              ExitCode::kUsage);
}

int usage_error(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  std::string help = "ballast --help";
  for (const CLI::App* command : app.get_subcommands())
    help = "ballast " + command->get_name() + " --help";
  complain(std::string(error.what()) + " (see " + help + ")");
  return static_cast<int>(ExitCode::kUsage);
}

int run(int argc, char** argv) {
  check_command(argc, argv);
  CLI::App app("Ballast: finds load-balancing losses for Mixture-of-Experts models", "ballast");
  app.set_version_flag("--version", version());
  app.require_subcommand(1);
  app.footer(kFooter);
  Job job;
  for (const Command& command : commands()) {
    CLI::App* sub = app.add_subcommand(std::string(command.name), std::string(command.help));
    sub->footer("Example:\n" + std::string(command.example));
    sub->callback([&job, run = command.set_up(*sub)] { job = run; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error);
  }
  return job();
}

}  // namespace

int run_and_report(int argc, char** argv) {
  try {
    const int code = run(argc, argv);
    std::cout.flush();
    require(std::cout.good(), "cannot write to standard output");
    return code;
  } catch (const Error& error) {
    complain(error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    complain(error.what());
    return static_cast<int>(ExitCode::kFailed);
  }
}

}  // namespace ballast::orchestrator

int main(int argc, char** argv) { return ballast::orchestrator::run_and_report(argc, argv); }
