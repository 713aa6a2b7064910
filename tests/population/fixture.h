// What the tests of population/ share: a folder of their own, a clock that stands, rows to store.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "common/error.h"
#include "population/archive.h"
#include "tests/fakes/temporary_folder.h"

namespace ballast::population {

class FixedClock final : public Clock {
 public:
  int64_t wall_ns() const override { return 1'700'000'000'000'000'000; }
  double monotonic() const override { return 0; }
};

using Folder = fakes::TemporaryFolder;

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// The message of the Error that `action` throws; a message that no test expects when it throws
// none.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "(nothing was thrown)";
}

inline std::string identity(char digit) { return std::string(64, digit); }

inline RunRow a_run() {
  return {.config = "seed = 1\n",
          .config_hash = "c0ffee",
          .seed = 1,
          .build = "test",
          .spec = R"({"model":{"experts":16},"preset":"tiny"})",
          .spec_hash = "5bec",
          .objective = "constrained",
          .mu = 0.1,
          .target = 0.3,
          .reference = "builtin:global_lbl"};
}

inline CandidateRow a_candidate(const std::string& identity, const std::string& name = "a") {
  return {.identity = identity,
          .name = name,
          .source = "def balance_loss(r):\n    return r.load.sum()\n",
          .track = "loss",
          .unit = 1.5,
          .order_dependent = false,
          .fingerprint = {0.6f, -0.8f}};
}

inline EvaluationKey a_key(const std::string& identity, uint64_t seed = 1,
                           const std::string& coefficient = "0.01", int rung = 1) {
  return {.identity = identity,
          .spec_hash = "5bec",
          .rung = rung,
          .seed = seed,
          .coefficient = coefficient,
          .build = "test",
          .device_class = "cpu"};
}

inline Metrics some_metrics(double cross_entropy = 2.5, double max_vio = 0.25, double mi = 0.125) {
  return {.scalars = {{"cross_entropy", cross_entropy},
                      {"max_vio_global", max_vio},
                      {"max_vio_batch", 2 * max_vio},
                      {"domain_expert_mi", mi}},
          .arrays = {{"layer_max_vio_global", {max_vio, max_vio, max_vio}}}};
}

// A finished evaluation: begins and ends it.
inline int64_t evaluate(Archive& archive, const EvaluationKey& key, const Metrics& metrics,
                        Outcome outcome = Outcome::kOk, std::string_view purpose = "estimate") {
  const int64_t id = archive.begin_evaluation(key, purpose, 1000);
  archive.finish_evaluation(id, archive.attempt(id), outcome, "", metrics, 1.5, "L3");
  return id;
}

}  // namespace ballast::population
