// The real Sandbox: a ballast-trainer inside bubblewrap for each job.
#pragma once

#include <memory>
#include <string>

#include "evaluator/host.h"
#include "evaluator/sandbox.h"

namespace ballast::evaluator {

struct SandboxConfig {
  std::string trainer;             // path of the ballast-trainer to run
  std::string bubblewrap;          // path; empty: found on PATH
  bool accept_no_sandbox = false;  // go on with less than level L3 (config key accept_no_sandbox)
  bool own_pid_namespace = true;   // where it works; tests switch it off
};

// Jobs see their data files under /data and nothing else of this machine (view.h). Train jobs see
// files DOMAIN.train.bin only, score jobs DOMAIN.SPLIT.bin of their split only: DataView::folder is
// the folder outside. Embed jobs see the three files of their encoder.
//
// Throws Error naming --accept-no-sandbox when this machine offers less than level L3 and that was
// not accepted, and when the trainer cannot be run. Its jobs die with it, and with this process.
std::unique_ptr<Sandbox> make_sandbox(const SandboxConfig& config);

}  // namespace ballast::evaluator
