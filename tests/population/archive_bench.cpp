// What the archive costs: archive_bench FILE [CANDIDATES]. CPU microseconds per write (fsync waits
// are not CPU; on a tmpfs they are nothing), seconds per view, bytes per candidate.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <string>

#include "common/hash.h"
#include "population/reader.h"
#include "tests/population/fixture.h"

namespace ballast::population {
namespace {

double seconds_of(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Cost {
  double cpu = 0, wall = 0;
  int64_t calls = 0;
  template <class Action>
  void add(Action action) {
    const double cpu_start = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    const double wall_start = seconds_of(CLOCK_MONOTONIC);
    action();
    cpu += seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
    wall += seconds_of(CLOCK_MONOTONIC) - wall_start;
    ++calls;
  }
  void print(const char* name) const {
    const double n = static_cast<double>(calls);
    printf("%-20s %8.1f us CPU %8.1f us wall (%lld calls)\n", name, cpu / n * 1e6, wall / n * 1e6,
           static_cast<long long>(calls));
  }
};

// As many numbers as an evaluation of preset tiny has.
Metrics realistic_metrics(int n) {
  Metrics m;
  const double x = 1.0 + n * 1e-6;
  for (const char* name : {"cross_entropy", "max_vio_global", "max_vio_batch", "domain_expert_mi"})
    m.scalars[name] = x / 3;
  for (int i = 0; i < 22; ++i) m.scalars["scalar_" + std::to_string(i)] = x / (i + 3);
  for (int i = 0; i < 10; ++i) m.arrays["layer_" + std::to_string(i)] = {x / 3, x / 7, x / 11};
  m.arrays["layer_load"] = std::vector<double>(48, x / 13);
  for (int i = 0; i < 4; ++i)
    m.arrays["curve_" + std::to_string(i)] = std::vector<double>(64, x / 17);
  return m;
}

int bench(const std::string& path, int candidates) {
  const FixedClock clock;
  Cost candidate, proposal, begin, finish, estimate, state, leaderboard, lineage, pareto;
  {
    Archive archive(path, clock);
    archive.begin_run(a_run());
    for (int n = 0; n < candidates; ++n) {
      const std::string id = sha256_hex(std::to_string(n));
      CandidateRow row = a_candidate(id, "mutate-" + std::to_string(n));
      row.fingerprint.assign(512, 0.1f);
      row.source.append(400, '#');
      std::vector<std::string> parents;
      if (n > 0) parents.push_back(sha256_hex(std::to_string(n / 2)));
      candidate.add([&] { archive.add_candidate(row); });
      proposal.add([&] {
        archive.add_proposal({"mutate", parents, id, Outcome::kOk, "accepted", "", row.source});
      });
      for (uint64_t seed = 1; seed <= 3; ++seed) {
        int64_t evaluation = 0;
        begin.add([&] { evaluation = archive.begin_evaluation(a_key(id, seed), "estimate", 1); });
        const Metrics metrics = realistic_metrics(n);
        finish.add(
            [&] { archive.finish_evaluation(evaluation, 1, Outcome::kOk, "", metrics, 1, "L3"); });
      }
      estimate.add([&] { archive.put_estimate({id, 1, "0.01", 3, n * 1e-3, 0.1}); });
      state.add([&] { archive.put_state("search", R"({"next":17})"); });
    }
  }
  const Reader reader(path, 600);
  leaderboard.add([&] { (void)reader.leaderboard(); });
  lineage.add([&] { (void)reader.lineage(sha256_hex("1")); });
  pareto.add([&] { (void)reader.sql("SELECT * FROM pareto", 10); });
  candidate.print("add_candidate");
  proposal.print("add_proposal");
  begin.print("begin_evaluation");
  finish.print("finish_evaluation");
  estimate.print("put_estimate");
  state.print("put_state");
  leaderboard.print("leaderboard");
  lineage.print("lineage");
  pareto.print("pareto");
  printf("bytes per candidate   %.0f\n",
         static_cast<double>(std::filesystem::file_size(path)) / candidates);
  return 0;
}

}  // namespace
}  // namespace ballast::population

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: archive_bench FILE [CANDIDATES]\n");
    return 2;
  }
  return ballast::population::bench(argv[1], argc > 2 ? atoi(argv[2]) : 1000);
}
