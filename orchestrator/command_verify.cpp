// ballast verify ARCHIVE: is the file sound, and do its rows agree with one another.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "common/error.h"
#include "common/json.h"
#include "orchestrator/command.h"
#include "orchestrator/digest.h"
#include "orchestrator/terminal.h"
#include "orchestrator/verify.h"

namespace ballast::orchestrator {
namespace {

constexpr double kMostSeconds = 3600;  // of one check of a large file

}  // namespace

Job set_up_verify(CLI::App& app) {
  struct Given : Options {
    std::string path;
  };
  const auto given = std::make_shared<Given>();
  app.add_option("ARCHIVE", given->path, "The archive")->required()->type_name("");
  add_json(app, *given);
  return [given] {
    const population::Reader archive(given->path, kMostSeconds);
    std::vector<std::string> problems = archive.damage();
    std::string hash;
    population::Record record;
    if (problems.empty()) {  // rows of a damaged file cannot be relied on
      record = archive.record();
      hash = digest(record);
      problems = problems_of(record);
    }
    if (given->json) {
      std::cout << nlohmann::ordered_json{{"archive", given->path},
                                          {"sound", problems.empty()},
                                          {"problems", problems},
                                          {"candidates", record.candidates.size()},
                                          {"proposals", record.proposals.size()},
                                          {"evaluations", record.evaluations.size()},
                                          {"digest", hash.empty() ? Json() : Json(hash)}}
                       .dump(2)
                << "\n";
    } else if (problems.empty()) {
      std::cout << "sound: the file, " << count(static_cast<int64_t>(record.candidates.size()))
                << " candidates with the identities of their texts, "
                << count(static_cast<int64_t>(record.proposals.size())) << " proposals, "
                << count(static_cast<int64_t>(record.evaluations.size())) << " evaluations, "
                << count(static_cast<int64_t>(record.estimates.size()))
                << " estimates that follow from them\ndigest " << hash << "\n";
    } else {
      for (const std::string& problem : problems) std::cout << problem << "\n";
      std::cout.flush();
      throw Error(given->path + " is not sound: " + std::to_string(problems.size()) +
                  (problems.size() == 1 ? " problem" : " problems") +
                  "; restore a backup, or save what can be read with `sqlite3 FILE .recover`");
    }
    return static_cast<int>(problems.empty() ? ExitCode::kOk : ExitCode::kFailed);
  };
}

}  // namespace ballast::orchestrator
