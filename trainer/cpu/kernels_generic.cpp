#define BALLAST_SET generic
#define BALLAST_SET_NAME "generic"
#define BALLAST_LANES 4
#include "trainer/cpu/kernels_impl.h"
