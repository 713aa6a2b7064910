// The body of one table: included once by each kernels_SET.cpp, which is compiled for that
// instruction set and defines BALLAST_SET and BALLAST_LANES.
#include <cstdint>

#include "trainer/cpu/kernels.h"

#define BALLAST_WEIGHT_FLOOR \
  1e-20f  // kWeightFloor of model.h, which includes too much for this file

namespace ballast::trainer::cpu::BALLAST_SET {
namespace {

// Each uses the ones before it.
// clang-format off
#include "trainer/cpu/vec.h"
#include "trainer/cpu/gemm.h"
#include "trainer/cpu/norm.h"
#include "trainer/cpu/attention.h"
#include "trainer/cpu/route.h"
#include "trainer/cpu/pointwise.h"
// clang-format on

}  // namespace

extern const Kernels kTable;
const Kernels kTable = {BALLAST_SET_NAME,
                        packed_size,
                        pack,
                        gemm,
                        gemm_tn,
                        rms_norm,
                        rms_norm_backward,
                        attention_scratch,
                        attention,
                        attention_backward,
                        route,
                        route_backward,
                        swiglu,
                        swiglu_backward,
                        cross_entropy,
                        gather_add,
                        adamw};

}  // namespace ballast::trainer::cpu::BALLAST_SET
