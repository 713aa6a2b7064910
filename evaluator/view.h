// What a job sees of the machine, and how bubblewrap is asked for it.
#pragma once

#include <string>
#include <vector>

#include "evaluator/process.h"

namespace ballast::evaluator {

// A file of ours, and the path under which the job finds it. Always read-only.
struct Shown {
  std::string outside;
  std::string inside;
  bool operator==(const Shown&) const = default;
};

inline constexpr const char* kProgramInside = "/job";
inline constexpr const char* kLibrariesInside = "/libs";

// The shared libraries that `program` loads, each shown as /libs/NAME (the dynamic loader at its
// own path): with these a job needs neither /usr nor any other folder of the system. Asks the
// program's own dynamic loader. Throws Error naming a library that is missing.
std::vector<Shown> libraries_of(const std::string& program);

struct View {
  std::string program;                 // shown as /job
  std::vector<std::string> arguments;  // of the program
  std::vector<Shown> libraries;
  std::vector<Shown> files;  // the data of this job
};

// The descriptor on which bubblewrap reports; ProcessSpec::reports is 1.
inline constexpr int kStatusDescriptor = 3;

// bubblewrap's command line. The job gets namespaces of all kinds, no network, no capability, no
// environment but the library path and one thread, and a file system with nothing in it but the
// view, /proc of its own processes, /dev/null, /dev/urandom and the CPU list: nothing it could
// write to, nothing it could execute.
std::vector<std::string> bubblewrap_command(const std::string& bubblewrap, const View& view);

// The environment of every job: numerical libraries use one thread.
std::vector<std::string> job_environment();

}  // namespace ballast::evaluator
