// Seeds of evaluations, derived from the run's seed.
#pragma once

#include <cstdint>

#include "orchestrator/search_config.h"

namespace ballast::orchestrator {

// The index-th seed of a block. Below 2^32, so that it is easy to type.
uint64_t block_seed(uint64_t run_seed, SeedBlock block, int index);

}  // namespace ballast::orchestrator
