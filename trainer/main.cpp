// ballast-trainer: reads job frames from standard input, writes replies to standard output, until
// the end of input (common/job.h). Standard error is for people.
#include <c10/util/Exception.h>
#include <torch/version.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "common/frame.h"
#include "common/job.h"
#include "common/lockdown.h"
#include "trainer/cpu/dispatch.h"
#include "trainer/embedder.h"
#include "trainer/probe.h"
#include "trainer/train.h"

namespace ballast::trainer {
namespace {

constexpr const char* kUsage =
    "usage: ballast-trainer [--lockdown [--readable PATH]...]\n"
    "Reads jobs as frames from standard input and writes replies to standard output.\n"
    "  --lockdown  give up system calls after LibTorch is loaded, before the first job\n"
    "  --readable PATH  with --lockdown: a file or folder that may still be opened, in place of "
    "/data\n"
    "  --version   print the version\n";

// Runs `work`; what stops the job is a reply, not the end of the process.
template <class Result, class Work>
Result guarded(int64_t attempt, Work&& work) {
  Result failed;
  failed.attempt = attempt;
  try {
    return work();
  } catch (const std::bad_alloc&) {
    failed.outcome = Outcome::kOom;
    failed.message = "out of memory";
  } catch (const c10::OutOfMemoryError&) {
    failed.outcome = Outcome::kOom;
    failed.message = "out of memory";
  } catch (const std::exception& e) {
    failed.outcome = Outcome::kInfra;
    failed.message = e.what();
    failed.message.resize(std::min(failed.message.size(), failed.message.find('\n')));
  }
  return failed;
}

void serve_train(const std::string& frame) {
  const TrainJob job = parse_train_job(frame);
  const auto result = guarded<TrainResult>(job.attempt, [&] {
    return run_train(job, [](const Progress& p) { write_frame(STDOUT_FILENO, to_json(p)); });
  });
  write_frame(STDOUT_FILENO, to_json(result));
  write_raw(STDOUT_FILENO, result.weights.bytes);
}

void serve_score(const std::string& frame) {
  ScoreJob job = parse_score_job(frame);
  job.weights.bytes = read_raw(STDIN_FILENO, static_cast<size_t>(bytes_of(job.weights.infos)));
  write_frame(STDOUT_FILENO,
              to_json(guarded<ScoreResult>(job.attempt, [&] { return run_score(job); })));
}

void serve_probe(const std::string& frame, std::optional<Prober>& prober) {
  const ProbeJob job = parse_probe_job(frame);
  const auto result = guarded<ProbeResult>(job.attempt, [&] {
    if (!prober) prober.emplace();
    return prober->run(job);
  });
  write_frame(STDOUT_FILENO, to_json(result));
}

// The encoder that answers, kept for the next job.
struct Encoder {
  std::string folder;
  Embedder embedder;
};

void serve_embed(const std::string& frame, std::optional<Encoder>& encoder) {
  const EmbedJob job = parse_embed_job(frame);
  const auto result = guarded<EmbedResult>(job.attempt, [&] {
    if (!encoder || encoder->folder != job.folder)
      encoder.emplace(Encoder{job.folder, Embedder(job.folder)});
    EmbedResult out;
    out.attempt = job.attempt;
    for (const std::string& text : job.texts) out.vectors.push_back(encoder->embedder.embed(text));
    out.outcome = Outcome::kOk;
    return out;
  });
  write_frame(STDOUT_FILENO, to_json(result));
}

void serve() {
  std::optional<Prober> prober;  // built for the first probe, kept for the next ones
  std::optional<Encoder> encoder;
  while (const std::optional<std::string> frame = read_frame(STDIN_FILENO)) {
    const std::string kind = kind_of(*frame);
    if (kind == "train")
      serve_train(*frame);
    else if (kind == "score")
      serve_score(*frame);
    else if (kind == "probe")
      serve_probe(*frame, prober);
    else if (kind == "embed")
      serve_embed(*frame, encoder);
    else
      throw Error("unknown job kind \"" + kind + "\"");
  }
}

int run(int argc, char** argv) {
  bool lockdown = false;
  std::vector<std::string> readable;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--lockdown") {
      lockdown = true;
      continue;
    }
    if (argument == "--readable" && i + 1 < argc) {
      readable.emplace_back(argv[++i]);
      continue;
    }
    if (argument == "--version") {
      std::printf("ballast-trainer %s (LibTorch %s, kernels for %s)\n", BALLAST_VERSION,
                  TORCH_VERSION, cpu::available_kernels().front()->name);
      return 0;
    }
    const bool help = argument == "--help";
    std::fputs(kUsage, help ? stdout : stderr);
    return static_cast<int>(help ? ExitCode::kOk : ExitCode::kUsage);
  }
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error message, not a silent death
  prepare_process();
  if (lockdown) {
    warm_up();
    if (readable.empty())
      lock_down();
    else
      lock_down(readable);
  }
  serve();
  return 0;
}

}  // namespace
}  // namespace ballast::trainer

int main(int argc, char** argv) {
  try {
    return ballast::trainer::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "ballast-trainer: %s\n", e.what());
    return static_cast<int>(ballast::ExitCode::kFailed);
  }
}
