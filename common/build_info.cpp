#include "common/build_info.h"

#include "common/build_info_git_generated.h"      // made by cmake/build_info.cmake
#include "common/build_info_numeric_generated.h"  // the same

namespace ballast {

std::string numeric_build() { return BALLAST_NUMERIC_BUILD; }
std::string git_revision() { return BALLAST_GIT_REVISION; }
std::string ballast_version() { return BALLAST_VERSION; }
std::string compiler() { return BALLAST_COMPILER; }
std::string libtorch_version() { return BALLAST_LIBTORCH; }

}  // namespace ballast
