#define BALLAST_SET avx2
#define BALLAST_SET_NAME "avx2"
#define BALLAST_LANES 8
#include "trainer/cpu/kernels_impl.h"
