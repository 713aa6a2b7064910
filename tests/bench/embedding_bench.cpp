// What a search for the nearest embedding costs: embedding_bench prints CPU time and comparisons in
// full for vectors that are far apart and for clustered ones, as embeddings of like texts are.
#include <cstdio>
#include <ctime>
#include <vector>

#include "common/rng.h"
#include "orchestrator/embedding.h"

namespace {

using ballast::Rng;
using ballast::orchestrator::EmbeddingIndex;

constexpr size_t kLength = 384;

double cpu_microseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

std::vector<float> draw(Rng& rng, const std::vector<float>& centre, double spread) {
  std::vector<float> out(kLength);
  for (size_t i = 0; i < kLength; ++i)
    out[i] = static_cast<float>(double{centre[i]} + spread * rng.normal());
  return out;
}

void measure(size_t entries, double spread, double least) {
  Rng rng(1, "bench", entries);
  std::vector<float> centre(kLength);
  for (float& x : centre) x = static_cast<float>(rng.normal());
  EmbeddingIndex index;
  for (size_t i = 0; i < entries; ++i) index.add(draw(rng, centre, spread));
  constexpr int kQueries = 200;
  std::vector<std::vector<float>> queries;
  for (int i = 0; i < kQueries; ++i) queries.push_back(draw(rng, centre, spread));
  size_t found = 0;
  const double start = cpu_microseconds();
  for (const auto& query : queries) found += index.nearest(query, least).has_value() ? 1u : 0u;
  const double spent = cpu_microseconds() - start;
  size_t compared = 0;
  for (const auto& query : queries) compared += index.compared(query, least);
  std::printf(
      "%7zu entries, spread %.2f, least %5.2f: %8.1f us a search, %7.1f compared in full, "
      "%zu of %d found\n",
      entries, spread, least, spent / kQueries, static_cast<double>(compared) / kQueries, found,
      kQueries);
}

}  // namespace

int main() {
  for (const size_t entries : {100u, 1000u, 10000u})
    for (const double spread : {10.0, 0.5, 0.2})
      for (const double least : {-1.0, 0.95}) measure(entries, spread, least);
}
