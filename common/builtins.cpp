#include "common/builtins.h"

#include <algorithm>

namespace ballast {

const std::vector<BuiltinBalancer>& builtin_balancers() {
  static const std::vector<BuiltinBalancer> table = {
      {"none", "-", "no balancing at all"},
      {"micro_lbl", "arXiv 2101.03961", "load-balancing loss over each micro-batch"},
      {"global_lbl", "arXiv 2501.11873", "load-balancing loss over the loads of the whole window"},
      {"sequence_lbl", "arXiv 2412.19437", "load-balancing loss over each sequence"},
      {"z_loss", "arXiv 2202.08906", "keeps router logits small; balances nothing by itself"},
      {"loss_free", "arXiv 2408.15664",
       "no loss; a selection bias moves by the sign of the load error"},
      {"bip_2", "arXiv 2502.15451", "no loss; a bias solved for each batch, 2 iterations"},
      {"bip_4", "arXiv 2502.15451", "the same with 4 iterations"},
      {"bip_8", "arXiv 2502.15451", "the same with 8 iterations"},
      {"bip_14", "arXiv 2502.15451", "the same with 14 iterations"},
  };
  return table;
}

const BuiltinBalancer* find_builtin(std::string_view name) {
  const auto& rows = builtin_balancers();
  const auto it =
      std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; });
  return it == rows.end() ? nullptr : &*it;
}

std::vector<std::string> builtin_names() {
  std::vector<std::string> names;
  for (const BuiltinBalancer& row : builtin_balancers()) names.emplace_back(row.name);
  return names;
}

}  // namespace ballast
