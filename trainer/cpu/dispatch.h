// Which kernels this processor can run.
#pragma once

#include <vector>

#include "trainer/cpu/kernels.h"

namespace ballast::trainer::cpu {

// Best first; never empty: the last table runs anywhere.
std::vector<const Kernels*> available_kernels();

}  // namespace ballast::trainer::cpu
