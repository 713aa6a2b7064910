// The table of commands. One that is not built is not here, and so absent from --help.
#include "orchestrator/command.h"

namespace ballast::orchestrator {

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      {"search", "Start a search, or go on with one",
       "  ballast search -c configs/search.toml            a quarter of an hour\n"
       "  ballast search -c configs/search.toml --hours 8 archive=long.db seed=2\n"
       "Ctrl-C stops cleanly; the same command goes on where it stopped.",
       set_up_search},
      {"status", "How far a search is, while it runs or afterwards",
       "  ballast status                     of the default archive\n"
       "  ballast status -a my.db --json     for programs",
       set_up_status},
      {"top", "The leaderboard of an archive",
       "  ballast top -n 5                   five of each track\n"
       "  ballast top --rung 2 --json        for programs",
       set_up_top},
      {"show", "Everything an archive knows about one candidate",
       "  ballast show @1                    the best one\n"
       "  ballast show 3fa9c1 -a my.db       by the first digits of its identity",
       set_up_show},
      {"costs", "What language models have cost and brought",
       "  ballast costs                      per model and operator\n"
       "  ballast costs -a my.db --json      for programs",
       set_up_costs},
      {"check", "Is this text a loss: parse, types, cost, contract",
       "  ballast check my_loss.py\n"
       "  ballast check my_loss.py --at state.json --json    value, gradient and bias at one state",
       set_up_check},
      {"train", "Train and score one model with one loss",
       "  ballast train --loss global_lbl --seed 1 tokens=480000\n"
       "  ballast train --loss my_loss.py coefficient=0.05 preset=small --json",
       set_up_train},
      {"losses", "Balancers that come with Ballast",
       "  ballast losses                     all of them\n"
       "  ballast losses shinka > mine.py    a text to start from",
       set_up_losses},
      {"data", "Make corpora and look at them",
       "  ballast data build                 the default corpus\n"
       "  ballast data info                  what it holds",
       set_up_data},
      {"config", "Print the effective settings",
       "  ballast config > my.toml           a file to start from, with help\n"
       "  ballast config -c my.toml seed=7   what a search would use",
       set_up_config},
      {"doctor", "What this machine offers, and whether a search can run here",
       "  ballast doctor                     exit code 1: a search cannot run here\n"
       "  ballast doctor data=synthetic --json",
       set_up_doctor},
  };
  return table;
}

}  // namespace ballast::orchestrator
