// The views of the current schema.
#pragma once

#include <string_view>

namespace ballast::population {

std::string_view schema_views();  // SQL; docs/archive.md describes what people see

}  // namespace ballast::population
