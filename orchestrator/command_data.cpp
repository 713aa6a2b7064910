// ballast data build|info: corpora (docs/data.md).
#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>
#include <memory>

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "corpus/build.h"
#include "corpus/locate.h"
#include "corpus/manifest.h"
#include "orchestrator/command.h"
#include "orchestrator/terminal.h"

namespace ballast::orchestrator {
namespace {

namespace fs = std::filesystem;

struct BuildGiven {
  bool synthetic = false;
  std::vector<std::string> from, final_only;
  std::string name;
  uint64_t seed = 1;
  bool json = false;
};

corpus::BuildOptions build_options(const BuildGiven& given) {
  corpus::BuildOptions options;
  options.seed = given.seed;
  options.name = "default";
  if (given.synthetic) {
    options.kind = corpus::Kind::kSynthetic;
    options.name = "synthetic";
  }
  if (!given.from.empty()) {
    options.kind = corpus::Kind::kFrom;
    options.from.assign(given.from.begin(), given.from.end());
    options.final_only = given.final_only;
    options.name = "mine";
  }
  if (!given.name.empty()) options.name = given.name;
  if (!corpus::valid_domain_name(options.name)) {
    throw Error("--name " + options.name + ": use letters, digits, '_' and '-', at most 40",
                ExitCode::kUsage);
  }
  if (given.from.empty() && !given.synthetic && options.name == "synthetic") {
    throw Error("the name \"synthetic\" is for `ballast data build --synthetic`", ExitCode::kUsage);
  }
  options.output = corpus::data_folder() / options.name;
  options.cache = corpus::data_folder() / "cache";
  return options;
}

nlohmann::ordered_json json_of(const corpus::Manifest& manifest, const fs::path& folder) {
  nlohmann::ordered_json domains = nlohmann::ordered_json::array();
  for (const corpus::Domain& domain : manifest.domains) {
    nlohmann::ordered_json splits = nlohmann::ordered_json::object();
    for (const auto& [split, file] : domain.splits) {
      splits[std::string(to_string(split))] = {{"tokens", file.tokens},
                                               {"documents", file.documents()}};
    }
    domains.push_back({{"name", domain.name},
                       {"licence", domain.licence},
                       {"final_only", domain.final_only},
                       {"overlap", static_cast<double>(domain.overlap_ppm) / 1e6},
                       {"splits", splits}});
  }
  return {{"name", manifest.name},   {"kind", manifest.kind},       {"folder", folder.string()},
          {"hash", manifest.hash()}, {"tokens", manifest.tokens()}, {"domains", domains}};
}

std::string tokens_of(const corpus::Domain& domain, corpus::Split split) {
  const auto it = domain.splits.find(split);
  return it == domain.splits.end() ? "-" : count(it->second.tokens);
}

void print(const corpus::Manifest& manifest, const fs::path& folder) {
  using enum Table::Align;
  Table table({{"domain"},
               {"train", kRight},
               {"select", kRight},
               {"shadow", kRight},
               {"final", kRight},
               {"overlap", kRight},
               {"licence"}});
  for (const corpus::Domain& domain : manifest.domains) {
    table.add(
        {domain.name, tokens_of(domain, corpus::Split::kTrain),
         tokens_of(domain, corpus::Split::kSelect), tokens_of(domain, corpus::Split::kShadow),
         tokens_of(domain, corpus::Split::kFinal),
         domain.final_only ? "-" : fixed(static_cast<double>(domain.overlap_ppm) / 1e4, 1) + " %",
         domain.licence});
  }
  std::cout << table.to_string(terminal_of(1)) << count(manifest.tokens()) << " tokens (bytes) in "
            << folder.string() << "\nhash " << manifest.hash().substr(0, 16) << "\n";
}

Job set_up_build(CLI::App& app) {
  const auto given = std::make_shared<BuildGiven>();
  CLI::Option* synthetic =
      app.add_flag("--synthetic", given->synthetic, "Generated text: no download, half a second");
  CLI::Option* from =
      app.add_option("--from", given->from, "Your own text: every sub-folder of DIR is a domain")
          ->type_name("DIR")
          ->excludes(synthetic);
  app.add_option("--final-only", given->final_only,
                 "Domains of yours that only the final table sees")
      ->type_name("DOMAIN")
      ->needs(from);
  app.add_option("--name", given->name, "Name of the corpus (\"default\", \"synthetic\", \"mine\")")
      ->type_name("NAME");
  app.add_option("--seed", given->seed, "Seed of the generated text")
      ->type_name("N")
      ->needs(synthetic);
  app.add_flag("--json", given->json, "Print JSON");
  return [given] {
    const corpus::BuildOptions options = build_options(*given);
    const SystemClock clock;
    const double started = clock.monotonic();
    const corpus::Manifest manifest =
        corpus::build(options, [](const std::string& line) { std::cerr << line << std::endl; });
    if (given->json) {
      std::cout << json_of(manifest, options.output).dump(2) << "\n";
    } else {
      print(manifest, options.output);
      std::cout << "built in " << duration(clock.monotonic() - started)
                << "; use it with data=" << options.name << "\n";
    }
    return 0;
  };
}

Job set_up_info(CLI::App& app) {
  struct Given : Options {
    std::string data;
    bool check = false;
  };
  const auto given = std::make_shared<Given>();
  app.add_option("NAME", given->data, "Name of a corpus, or a path with a '/'")->type_name("");
  app.add_flag("--check", given->check, "Read every file and compare its SHA-256");
  add_config(app, *given);
  add_json(app, *given);
  return [given] {
    const fs::path folder = corpus::locate(given->data.empty() ? given->load().data : given->data);
    const corpus::Manifest manifest =
        corpus::load(folder, given->check ? corpus::Check::kHashes : corpus::Check::kSizes);
    if (given->json) {
      std::cout << json_of(manifest, folder).dump(2) << "\n";
    } else {
      print(manifest, folder);
      if (given->check) std::cout << "all files have the hashes that the manifest states\n";
    }
    return 0;
  };
}

}  // namespace

Job set_up_data(CLI::App& app) {
  app.require_subcommand(1);
  CLI::App* build = app.add_subcommand("build", "Make a corpus");
  CLI::App* info = app.add_subcommand("info", "What a corpus holds");
  build->footer(
      "Example:\n  ballast data build                           real text from distribution "
      "packages\n"
      "  ballast data build --synthetic               generated text, no download\n"
      "  ballast data build --from texts --name mine  your own text, a folder per domain");
  info->footer("Example:\n  ballast data info\n  ballast data info synthetic --check --json");
  const Job build_job = set_up_build(*build), info_job = set_up_info(*info);
  return [=] { return build->parsed() ? build_job() : info_job(); };
}

}  // namespace ballast::orchestrator
