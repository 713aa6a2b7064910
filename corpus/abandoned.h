// Working folders that killed processes left behind.
#pragma once

#include <filesystem>
#include <string>

namespace ballast::corpus {

// A working folder carries its process's number behind `prefix`: ".default.building.1234".
std::filesystem::path working_folder(const std::filesystem::path& parent,
                                     const std::string& prefix);

// Removes the working folders of processes that are gone. Never throws.
void remove_abandoned(const std::filesystem::path& parent, const std::string& prefix);

}  // namespace ballast::corpus
