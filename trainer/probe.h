// The first thing that happens to a candidate inside the sandbox: is it one, what does it do, how
// large are its gradients? Milliseconds, and nothing is trained.
#pragma once

#include <memory>

#include "common/job.h"

namespace ballast::trainer {

// Static cost that one evaluation may have at any state of the contract (up to E=64, k=8, T=256): a
// probe evaluates about sixty times, so the dearest candidate takes it some seconds.
constexpr double kProbeFlops = 5e8;
constexpr double kProbeBytes = 1e9;

// Holds the states that candidates are looked at with (a few MB, built in some 20 ms), so a warm
// process builds them once. Deterministic; one thread. Thread-safe: run() changes nothing.
class Prober {
 public:
  Prober();
  ~Prober();

  // Without a state: STATIC_REJECT with the diagnostic (or the cost that is too high),
  // CONTRACT_VIOLATION with the check that failed (trainer/contract.h), or OK with fingerprint,
  // unit and order dependence (trainer/fingerprint.h). The unit of a loss whose gradient vanishes
  // on the unit's states is taken over the contract's states. With a state (trainer/state.h): OK or
  // NONFINITE with at_json, CONTRACT_VIOLATION when the program asks for what this state's sizes do
  // not allow. Throws Error when the state itself is wrong.
  ProbeResult run(const ProbeJob& job) const;

 private:
  struct States;
  std::unique_ptr<States> states_;
};

// Prober().run(job).
ProbeResult run_probe(const ProbeJob& job);

}  // namespace ballast::trainer
