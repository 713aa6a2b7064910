#define BALLAST_SET avx512
#define BALLAST_SET_NAME "avx512"
#define BALLAST_LANES 16
#include "trainer/cpu/kernels_impl.h"
