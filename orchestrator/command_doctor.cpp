// ballast doctor: what this machine offers, and whether a search could run here.
#include <sys/utsname.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "candidate/shipped.h"
#include "common/build_info.h"
#include "common/error.h"
#include "common/json.h"
#include "evaluator/host.h"
#include "orchestrator/command.h"
#include "orchestrator/llm/models.h"
#include "orchestrator/terminal.h"
#include "orchestrator/workbench.h"

namespace ballast::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr double kMemoryPerWorker = 1.0;  // GiB, of a training of preset tiny with room to spare
constexpr double kFreeDisk = 1.0;         // GiB, for an archive of many searches

enum class Health { kFine, kWarning, kBroken };

struct Finding {
  Health health = Health::kFine;
  std::string subject, detail;
};

std::string gib(double bytes) { return fixed(bytes / (int64_t{1} << 30), 1) + " GiB"; }

// Bytes of a line of /proc/meminfo; 0 when it has none.
double memory(const std::string& name) {
  std::ifstream in("/proc/meminfo");
  std::string word;
  double kib = 0;
  while (in >> word) {
    if (word == name + ":" && in >> kib) return kib * 1024;
  }
  return 0;
}

Finding system_finding() {
  utsname names{};
  uname(&names);
  return {Health::kFine, "system",
          std::string(names.sysname) + " " + names.release + ", " + names.machine};
}

Finding compute_finding(const Config& config) {
  const int trainings = workers(config);
  const double available = memory("MemAvailable");
  const double wanted = trainings * kMemoryPerWorker * (int64_t{1} << 30);
  return {available < wanted ? Health::kWarning : Health::kFine, "cores, memory",
          std::to_string(trainings) + " trainings at once; " + gib(available) + " of " +
              gib(memory("MemTotal")) + " available" +
              (available < wanted ? ": may be too little, lower `workers`" : "")};
}

void sandbox_findings(const Config& config, std::vector<Finding>& out) {
  const evaluator::HostReport host = evaluator::inspect_host();
  const bool whole = host.level == "L3" || host.level == "L4";
  Health health = Health::kFine;
  if (!whole) health = config.accept_no_sandbox ? Health::kWarning : Health::kBroken;
  std::string detail =
      "level " + host.level + "; " +
      (host.bubblewrap.empty() ? "no bubblewrap" : host.version + " at " + host.bubblewrap) +
      ", namespaces " + (host.namespaces ? "yes" : "no") + ", seccomp " +
      (host.seccomp ? "yes" : "no") + ", Landlock " +
      (host.landlock > 0 ? std::to_string(host.landlock) : "no");
  if (!whole) {
    detail += config.accept_no_sandbox
                  ? "; accepted, scores will be marked"
                  : "; a search refuses to start (accept_no_sandbox=true accepts it)";
  }
  out.push_back({health, "sandbox", detail});
  for (const std::string& note : host.notes) out.push_back({Health::kWarning, "sandbox", note});
}

// Runs one contract probe: the trainer starts, loads LibTorch, locks itself down and answers.
Finding trainer_finding(const Config& config) {
  try {
    const fs::path trainer = trainer_path();
    const auto sandbox = open_sandbox(config);
    ProbeJob job;
    job.source = candidate::find_shipped("global_lbl")->text;
    const ProbeResult result = sandbox->probe(job, probe_limits(config));
    if (result.outcome == Outcome::kOk) {
      return {Health::kFine, "trainer",
              trainer.string() + ", LibTorch " + libtorch_version() +
                  ": answered a probe in the sandbox"};
    }
    return {
        Health::kBroken, "trainer",
        trainer.string() + ": " + std::string(to_string(result.outcome)) + ": " + result.message};
  } catch (const Error& error) {
    return {Health::kBroken, "trainer", error.what()};
  }
}

Finding data_finding(const Config& config) {
  try {
    const Corpus corpus = open_corpus(config);
    return {Health::kFine, "data",
            corpus.folder.string() + ": " + std::to_string(corpus.domains.size()) + " domains"};
  } catch (const Error& error) {
    return {Health::kBroken, "data", error.what()};
  }
}

// What the models file says of language models; the one that we run ourselves is tried.
void model_findings(const Config& config, std::vector<Finding>& out) {
  if (config.models.empty()) return;
  try {
    const std::vector<Model> models = load_models(config.models);
    out.push_back({Health::kFine, "models",
                   config.models + ": " + std::to_string(models.size()) + " (not asked)"});
    for (const Model& model : models) {
      if (model.provider != Provider::kLocal) continue;
      EmbedJob job;
      job.folder = open_encoder(model.model).folder.string();
      job.texts = {"def balance_loss(r):"};
      const EmbedResult result = open_sandbox(config)->embed(job, probe_limits(config));
      const bool fine = result.outcome == Outcome::kOk;
      out.push_back({fine ? Health::kFine : Health::kBroken, "embeddings",
                     job.folder + ": " +
                         (fine ? std::to_string(result.vectors[0].size()) +
                                     " numbers a text, made in the sandbox"
                               : std::string(to_string(result.outcome)) + ": " + result.message)});
    }
  } catch (const Error& error) {
    out.push_back({Health::kBroken, "models", error.what()});
  }
}

Finding disk_finding(const Config& config) {
  const fs::path folder = fs::absolute(config.archive).parent_path();
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error) {
    return {Health::kBroken, "archive",
            folder.string() + ": " + error.message() + "; make the folder"};
  }
  const auto free = static_cast<double>(space.available);
  const bool tight = free < kFreeDisk * (int64_t{1} << 30);
  return {tight ? Health::kWarning : Health::kFine, "archive",
          config.archive + (fs::exists(config.archive) ? " exists; " : " will be made; ") +
              gib(free) + " free" + (tight ? ": little for a long search" : "")};
}

std::vector<Finding> examine(const Config& config) {
  std::vector<Finding> findings{{Health::kFine, "ballast",
                                 ballast_version() + " (" + git_revision() + "), build " +
                                     numeric_build() + ", " + compiler()},
                                system_finding(),
                                compute_finding(config)};
  sandbox_findings(config, findings);
  findings.push_back(trainer_finding(config));
  findings.push_back(data_finding(config));
  model_findings(config, findings);
  findings.push_back(disk_finding(config));
  return findings;
}

const char* word(Health health) {
  constexpr const char* kWords[] = {"ok", "warning", "broken"};
  return kWords[static_cast<size_t>(health)];
}

void print(const std::vector<Finding>& findings, bool can_search) {
  const Terminal terminal = terminal_of(1);
  constexpr Style kStyles[] = {Style::kGreen, Style::kYellow, Style::kRed};
  for (const Finding& finding : findings) {
    const std::string label = std::string(word(finding.health)) +
                              std::string(9 - std::string_view(word(finding.health)).size(), ' ');
    std::cout << styled(terminal, kStyles[static_cast<size_t>(finding.health)], label)
              << finding.subject << std::string(15 - finding.subject.size(), ' ') << finding.detail
              << "\n";
  }
  std::cout << "\n"
            << (can_search ? "a search can run here" : "a search cannot run here yet") << "\n";
}

}  // namespace

Job set_up_doctor(CLI::App& app) {
  const auto given = std::make_shared<Options>();
  add_config(app, *given);
  add_archive(app, *given);
  add_settings(app, *given);
  add_json(app, *given);
  return [given] {
    const std::vector<Finding> findings = examine(given->load());
    bool can_search = true;
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Finding& finding : findings) {
      can_search = can_search && finding.health != Health::kBroken;
      list.push_back({{"health", word(finding.health)},
                      {"subject", finding.subject},
                      {"detail", finding.detail}});
    }
    if (given->json) {
      std::cout << nlohmann::ordered_json{{"can_search", can_search}, {"findings", list}}.dump(2)
                << "\n";
    } else {
      print(findings, can_search);
    }
    return static_cast<int>(can_search ? ExitCode::kOk : ExitCode::kFailed);
  };
}

}  // namespace ballast::orchestrator
