#include "trainer/cpu/dispatch.h"

namespace ballast::trainer::cpu {

namespace generic {
extern const Kernels kTable;
}
#ifdef BALLAST_X86
namespace avx2 {
extern const Kernels kTable;
}
namespace avx512 {
extern const Kernels kTable;
}
#endif

std::vector<const Kernels*> available_kernels() {
  std::vector<const Kernels*> tables;
#ifdef BALLAST_X86
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    tables.push_back(&avx512::kTable);
  if (avx2) tables.push_back(&avx2::kTable);
#endif
  tables.push_back(&generic::kTable);
  return tables;
}

}  // namespace ballast::trainer::cpu
