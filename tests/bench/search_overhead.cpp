// What the daemon itself costs: CPU time of the search's thread per candidate, with a sandbox that
// answers at once. Waiting for the disk (fsync) is no CPU time; trainings and their threads are
// left out.
//
//   search_overhead [CANDIDATES...]     default: 100 1000
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "tests/orchestrator/small_search.h"

namespace ballast::orchestrator {
namespace {

double thread_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Stops at a number of accepted candidates; notes the CPU time at it and at nine tenths of it.
class Meter : public SearchObserver {
 public:
  explicit Meter(int64_t candidates) : candidates_(candidates) {}
  void event(const SearchEvent& e) override {
    if (e.kind == SearchEventKind::kFinished) ++evaluations;
    if (e.kind != SearchEventKind::kProposed) return;
    ++proposals;
    if (e.text != "accepted") return;
    ++accepted_;
    if (accepted_ == candidates_ * 9 / 10) late = thread_seconds();
    if (accepted_ == candidates_) {
      last = thread_seconds();
      stop_.request_stop();
    }
  }
  std::stop_token token() const { return stop_.get_token(); }
  double late = 0, last = 0;
  int64_t evaluations = 0, proposals = 0;

 private:
  int64_t candidates_, accepted_ = 0;
  std::stop_source stop_;
};

void measure(int64_t candidates) {
  SearchConfig config = small_config(0);
  config.use_shipped = true;
  SmallSearch search(config, std::filesystem::temp_directory_path() / "ballast_search_overhead.db");
  Meter meter(candidates);
  const double start = thread_seconds();
  search.run(meter.token(), meter);
  const auto n = static_cast<double>(candidates);
  std::printf(
      "%6lld candidates, %lld proposals, %lld evaluations: %.2f ms CPU per candidate, "
      "%.2f ms over the last tenth\n",
      static_cast<long long>(candidates), static_cast<long long>(meter.proposals),
      static_cast<long long>(meter.evaluations), 1e3 * (meter.last - start) / n,
      1e3 * (meter.last - meter.late) / (n / 10));
}

}  // namespace
}  // namespace ballast::orchestrator

int main(int argc, char** argv) {
  std::vector<int64_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::atoll(argv[i]));
  if (sizes.empty()) sizes = {100, 1000};
  for (const int64_t size : sizes) ballast::orchestrator::measure(size);
}
