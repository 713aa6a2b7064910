// Which build this is: part of every stored score, and what `ballast --version` prints.
#pragma once

#include <string>

namespace ballast {

// 12 hexadecimal digits: SHA-256 over all sources of common/, candidate/, kernels/ and trainer/, the
// compiler with its flags and the version of LibTorch. Equal builds give equal bits on one kind of
// machine; scores of different builds never mix.
std::string numeric_build();

// The commit that was checked out when this was built (12 digits), "unknown" outside a repository.
// Uncommitted changes do not show here; numeric_build() sees them.
std::string git_revision();

std::string ballast_version();   // "0.1.0"
std::string compiler();          // "GNU 12.2.0, Release"
std::string libtorch_version();  // "2.11.0"; "none" when built without the trainer

}  // namespace ballast
