// Milliseconds of CPU that a warm process needs to probe each shipped text, one thread (CPU time, so
// that neighbours on the machine do not count):
//
//   cmake --build --preset release --target probe_bench && build/release/probe_bench
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "candidate/shipped.h"
#include "trainer/probe.h"

namespace {

template <typename F>
double milliseconds(F&& f) {
  const auto now = [] {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
  };
  const double start = now();
  f();
  return now() - start;
}

}  // namespace

int main() {
  constexpr int kTimes = 21;
  at::set_num_threads(1);
  std::optional<ballast::trainer::Prober> prober;
  const double built = milliseconds([&] { prober.emplace(); });
  std::printf("states built in %.1f ms\n%-28s %8s %8s\n", built, "text", "median", "best");
  std::vector<double> medians;
  for (const auto& row : ballast::candidate::shipped()) {
    const ballast::ProbeJob job{.attempt = 1, .source = std::string(row.text), .state = ""};
    std::vector<double> times;
    for (int i = 0; i < kTimes; ++i) times.push_back(milliseconds([&] { (void)prober->run(job); }));
    std::sort(times.begin(), times.end());
    medians.push_back(times[kTimes / 2]);
    std::printf("%-28s %8.2f %8.2f\n", std::string(row.name).c_str(), medians.back(), times[0]);
  }
  std::sort(medians.begin(), medians.end());
  std::printf("median of all %.2f ms, worst %.2f ms\n", medians[medians.size() / 2], medians.back());
}
