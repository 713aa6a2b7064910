#include "evaluator/view.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "common/error.h"
#include "common/lockdown.h"

namespace ballast::evaluator {
namespace {

namespace fs = std::filesystem;

// One line of the loader's list: "NAME => PATH (0x...)", "PATH (0x...)", or "NAME => not found".
void read_line(const std::string& line, const std::string& program, std::vector<Shown>& out) {
  std::istringstream words(line);
  std::string name, arrow, path;
  words >> name >> arrow >> path;
  if (arrow != "=>") {
    if (name.starts_with('/')) out.push_back({name, name});  // else it is the kernel's vdso
    return;
  }
  if (!path.starts_with('/'))
    throw Error(program + " needs the library " + name +
                ", which the dynamic loader cannot find; run scripts/setup.sh, or set LIBTORCH");
  out.push_back({path, std::string(kLibrariesInside) + '/' + name});
}

}  // namespace

std::vector<Shown> libraries_of(const std::string& program) {
  ProcessSpec spec;
  spec.arguments = {program};
  // With this the loader prints what it would load and does not start the program.
  spec.environment = {"LD_TRACE_LOADED_OBJECTS=1"};
  if (const char* path = std::getenv("LD_LIBRARY_PATH"))
    spec.environment.push_back(std::string("LD_LIBRARY_PATH=") + path);
  const Finished list = run_to_end(spec, 30);
  if (!list.exit || list.exit->code != 0)
    throw Error("cannot list the libraries of " + program + ": " +
                (list.exit ? describe(*list.exit) + ' ' + list.errors : "it does not end"));
  std::vector<Shown> out;
  std::istringstream lines(list.output);
  for (std::string line; std::getline(lines, line);) read_line(line, program, out);
  for (Shown& library : out) library.outside = fs::canonical(library.outside).string();
  return out;
}

std::vector<std::string> job_environment() {
  return {"OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1", "LC_ALL=C"};
}

std::vector<std::string> bubblewrap_command(const std::string& bubblewrap, const View& view) {
  std::vector<std::string> command{
      bubblewrap, "--json-status-fd", std::to_string(kStatusDescriptor),
      // namespaces; --unshare-user by name, since --unshare-all only tries
      "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL",
      "--hostname", "job", "--new-session", "--die-with-parent",
      // the view; each later mount lies on top of earlier ones
      "--proc", "/proc", "--dev-bind", "/dev/null", "/dev/null", "--dev-bind", "/dev/urandom",
      "/dev/urandom", "--ro-bind-try", "/sys/devices/system/cpu", "/sys/devices/system/cpu"};
  auto show = [&command](const Shown& file) {
    command.insert(command.end(), {"--ro-bind", file.outside, file.inside});
  };
  for (const Shown& library : view.libraries) show(library);
  show({view.program, kProgramInside});
  command.insert(command.end(), {"--dir", kSandboxData});
  for (const Shown& file : view.files) show(file);
  command.insert(command.end(), {"--remount-ro", "/", "--chdir", "/", "--setenv", "LD_LIBRARY_PATH",
                                 kLibrariesInside, "--", kProgramInside});
  command.insert(command.end(), view.arguments.begin(), view.arguments.end());
  return command;
}

}  // namespace ballast::evaluator
