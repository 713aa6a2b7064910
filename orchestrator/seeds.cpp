#include "orchestrator/seeds.h"

#include <string_view>

#include "common/rng.h"

namespace ballast::orchestrator {
namespace {

std::string_view purpose(SeedBlock block) {
  switch (block) {
    case SeedBlock::kA:
      return "seeds of block A";
    case SeedBlock::kB:
      return "seeds of block B";
    case SeedBlock::kC:
      return "seeds of block C";
  }
  return "";
}

}  // namespace

uint64_t block_seed(uint64_t run_seed, SeedBlock block, int index) {
  return Rng(run_seed, purpose(block), static_cast<uint64_t>(index)).next() >> 32;
}

}  // namespace ballast::orchestrator
