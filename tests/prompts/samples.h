// A task and facts that look like real ones.
#pragma once

#include "prompts/facts.h"

namespace ballast::prompts::samples {

inline const char* kParent =
    "def balance_loss(r):\n"
    "    return r.num_experts * (r.load_global * r.probs_global).sum()\n";
inline const char* kOther =
    "def balance_loss(r):\n"
    "    return torch.relu(r.load_global - 0.1).mul(r.probs.mean(0)).sum()\n";

inline Task task() {
  Task task;
  task.model = "tiny";
  task.layers = 3;
  task.experts = 16;
  task.top_k = 2;
  task.tokens = 614400;
  task.reference = "global_lbl";
  return task;
}

inline ParentFacts parent() {
  ParentFacts out;
  out.name = "tune-000012";
  out.source = kParent;
  out.track = "loss";
  out.coefficient = "0.0316";
  out.difference = Difference{-0.003124, 0.00087, 4};
  out.cross_entropy = 1.7654321;
  out.max_vio = 0.412;
  LayerFacts layer;
  layer.max_vio = 0.7;
  layer.train_max_vio = 0.9;
  layer.load = {0.5, 0.25, 0.125, 0.125};
  out.layers = {layer, layer};
  out.curve = {{1024, 5.1, 3.2, 0.01}, {2048, 4.2, 1.1, 0.02}};
  out.ancestors = {{"mutate", "swap sum for logsumexp", Difference{-0.002, 0.001, 4},
                    Difference{-0.0011, 0.0009, 4}, "OK"},
                   {"seed", "", std::nullopt, std::nullopt, "OK"}};
  return out;
}

inline Facts facts() {
  Facts out;
  out.parents = {parent()};
  out.inspirations = {{"edit-000031", "archive", kOther, "hinge on load",
                       Difference{0.001, 0.002, 2}, std::nullopt, 0.5},
                      {"shinka", "top", kParent, "", Difference{-0.004, {}, 1}, 1.7, std::nullopt}};
  out.failures = {
      {"rewrite", "log of loads", "CONTRACT_VIOLATION", "the value is not finite\nat load 0"},
      {"mutate", "", "DIVERGED", "loss 12.3"}};
  out.notes = "## Works\nHinges.";
  out.suggestion = "square the hinge";
  return out;
}

}  // namespace ballast::prompts::samples
