// The table of commands. One that is not built is not here, and so absent from --help.
#include "orchestrator/command.h"

namespace ballast::orchestrator {

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      {"losses", "Balancers that come with Ballast",
       "  ballast losses                     all of them", set_up_losses},
      {"data", "Make corpora and look at them",
       "  ballast data build                 the default corpus\n"
       "  ballast data info                  what it holds",
       set_up_data},
      {"config", "Print the effective settings",
       "  ballast config > my.toml           a file to start from, with help\n"
       "  ballast config -c my.toml seed=7   what a search would use",
       set_up_config},
  };
  return table;
}

}  // namespace ballast::orchestrator
