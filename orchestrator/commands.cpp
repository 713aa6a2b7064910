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
       "  ballast show 3fa9c1 -a my.db       by the first digits of its identity\n"
       "  ballast show @1 --prompt           what models were sent for it, and answered\n"
       "  ballast show --proposal 17         the same for a proposal that may have been rejected",
       set_up_show},
      {"lineage", "Where a candidate comes from, and what came of it",
       "  ballast lineage @1                 ancestors and descendants, with what each step did\n"
       "  ballast lineage 3fa9c1 --json      for programs",
       set_up_lineage},
      {"diff", "What two candidates do differently, as text and as measured",
       "  ballast diff @1 @2                 their texts, and their figures on the same seeds\n"
       "  ballast diff micro_lbl @1 --json   every metric",
       set_up_diff},
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
       "  ballast losses shinka > mine.py    a text to start from\n"
       "  ballast losses --reference         the language they are written in",
       set_up_losses},
      {"data", "Make corpora and look at them",
       "  ballast data build                 the default corpus\n"
       "  ballast data info                  what it holds",
       set_up_data},
      {"replay", "Repeat a recorded run, and say whether it comes out the same",
       "  ballast replay search.db           every decision again, trainings from the record\n"
       "  ballast replay search.db --retrain 3 --json    and three trainings, bit for bit",
       set_up_replay},
      {"verify", "Is this archive sound",
       "  ballast verify search.db           the file, its rows, and every identity\n"
       "  ballast verify search.db --json    for programs; exit code 1: it is not",
       set_up_verify},
      {"backup", "Copy an archive, also while a search writes it",
       "  ballast backup search.db copy.db   one sound file, as of one moment", set_up_backup},
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
