// Writes the fuzzers' first inputs: make_seeds FOLDER_OF_TEST_DATA OUT_PARSE OUT_FRAME OUT_REPLY
// DICTIONARY
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "candidate/graph.h"
#include "candidate/names.h"
#include "candidate/shipped.h"
#include "common/frame.h"
#include "common/job.h"
#include "common/spec.h"

namespace {

using namespace ballast;  // NOLINT: a tool of one file

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

// Short lines of tests make short seeds, which mutate best.
void parse_seeds(const std::filesystem::path& data, const std::filesystem::path& out) {
  for (const candidate::ShippedRow& row : candidate::shipped())
    write(out / ("shipped_" + std::string(row.name)), std::string(row.text));
  int number = 0;
  std::ifstream replies(data / "replies-small-local-model.jsonl");
  for (std::string line; std::getline(replies, line);)
    write(out / ("reply_" + std::to_string(number++)), nlohmann::json::parse(line).at("reply"));
  for (const char* name : {"accepted.txt", "rejected.txt"}) {
    std::ifstream lines(data / name);
    for (std::string line; std::getline(lines, line);)
      if (!line.empty() && line[0] != '#')
        write(out / ("line_" + std::to_string(number++)),
              "def balance_loss(r):\n x,p,c,w,v=r.logits,r.probs,r.chosen,r.probs_global,r.load\n "
              "s,i,m=p.mean(),x.argmax(1),x>0\n q=p.T@p\n y=" +
                  line.substr(0, line.find(" => ")) + "\n return (p*y).sum()\n");
  }
  const std::string programs = "\n" + read(data / "programs.txt");
  for (size_t at = programs.find("\n### "); at != std::string::npos;) {
    const size_t start = programs.find('\n', at + 1) + 1, next = programs.find("\n### ", at + 1);
    write(out / ("program_" + std::to_string(number++)), programs.substr(start, next - start));
    at = next;
  }
}

// Replies as they were recorded, and the forms that those have not: edits, reasoning, other fences.
void reply_seeds(const std::filesystem::path& data, const std::filesystem::path& out) {
  int number = 0;
  std::ifstream replies(data / "replies-small-local-model.jsonl");
  for (std::string line; std::getline(replies, line);)
    write(out / ("reply_" + std::to_string(number++)), nlohmann::json::parse(line).at("reply"));
  const std::string code = "def balance_loss(r):\n    return r.probs.square().mean()\n";
  const std::string edit =
      "<<<<<<< SEARCH\n    return y.sum() * x\n=======\n    return y.mean()\n>>>>>>> REPLACE\n";
  write(out / "edit_exact", "Idea: a mean\n```\n" + edit + "```\n");
  write(out / "edit_shifted",
        "<<<<<<< SEARCH\nload = load * 2\nx = 1\n=======\nload = load\n>>>>>>> REPLACE\n" + edit);
  write(out / "edit_twice", "<<<<<<< SEARCH\n    x = 1\n=======\n    x = 2\n>>>>>>> REPLACE\n");
  write(out / "edit_short", "<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n");
  write(out / "reasoning", "<think>\n```\n" + code + "```\n</think>\n~~~py\n" + code + "~~~\n");
  write(out / "two_blocks",
        "```\n" + code + "```\n```\ndef selection_bias(r, bias):\n    return bias\n```\n");
  write(out / "windows",
        "\xEF\xBB\xBF"
        "```python\r\ndef balance_loss(r):\r\n return r.probs.var()\r\n```\r\n");
  write(out / "bare", "Here:\n\nimport torch\n\n" + code + "\nThat is all.");
  write(out / "notes", "## Works\n- hinges\n## Try next\n1. a square\n2) a root\n");
  write(out / "verdict", "NOT_NOVEL: a constant");
}

void frame_seeds(const std::filesystem::path& out) {
  TrainJob train;
  train.spec = preset("tiny");
  train.balancer.builtin = "global_lbl";
  ScoreJob score;
  score.spec = preset("small");
  score.weights.infos = {{"embedding", "float32", {2, 3}}};
  ProbeJob probe;
  probe.source = "def balance_loss(r): ...";
  TrainResult trained;
  trained.outcome = Outcome::kOk;
  trained.metrics.scalars["tokens"] = 1.5;
  trained.metrics.arrays["curve"] = {1, 2};
  trained.weights.infos = {{"w", "int64", {4}}};
  ScoreResult scored;
  scored.metrics.scalars["cross_entropy"] = 2;
  ProbeResult probed;
  probed.fingerprint = {0.5f, -1.0f};
  const std::string all[] = {to_json(train),      to_json(score),          to_json(probe),
                             to_json(trained),    to_json(scored),         to_json(probed),
                             to_json(Progress{}), to_json(trained.metrics)};
  int number = 0;
  for (const std::string& json : all) {
    write(out / ("json_" + std::to_string(number)), json);
    write(out / ("frame_" + std::to_string(number++)),
          "\x10" + encode_frame(json) + encode_frame("{}"));
  }
}

void dictionary(const std::filesystem::path& path) {
  std::string text;
  const auto add = [&](const std::string& word) { text += "\"" + word + "\"\n"; };
  for (const candidate::NameRow& row : candidate::source_names()) {
    if ((row.spaces & candidate::kTorch) != 0) add("torch." + std::string(row.name) + "(");
    if ((row.spaces & candidate::kMethod) != 0) add("." + std::string(row.name) + "(");
    if ((row.spaces & candidate::kFunctional) != 0) add("F." + std::string(row.name) + "(");
    if ((row.spaces & candidate::kBuiltin) != 0) add(std::string(row.name) + "(");
    if ((row.spaces & candidate::kMath) != 0) add("math." + std::string(row.name) + "(");
    for (const candidate::SignatureParameter& parameter : row.parameters)
      if (text.find("\"" + std::string(parameter.name) + "=\"") == std::string::npos)
        add(std::string(parameter.name) + "=");
  }
  for (const char* word : {"r.logits",
                           "r.probs",
                           "r.probs_global",
                           "r.load",
                           "r.load_ema",
                           "r.cost",
                           "r.is_null",
                           "r.device",
                           "r.progress",
                           "r.depth",
                           "r.num_experts",
                           "r.num_sequences",
                           "r.top_k",
                           "bias",
                           "def f(x, y=1):\\x0a  return x\\x0a",
                           "def selection_bias(r, bias):\\x0a  return ",
                           "for i in range(",
                           "if ",
                           "else:",
                           "elif ",
                           " and ",
                           " or ",
                           "not ",
                           "return ",
                           ":\\x0a  ",
                           "\\x0a  ",
                           "\\x0a    ",
                           "None",
                           "True",
                           "...",
                           "[:, None]",
                           "[0]",
                           "-1",
                           "0.5",
                           "1e-3",
                           "lambda ",
                           "import torch\\x0a",
                           "**",
                           "//",
                           "+= ",
                           "f(",
                           ".T",
                           ".shape",
                           ".values",
                           ".indices",
                           "torch.float32"})
    add(word);
  write(path, text);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "usage: make_seeds FOLDER_OF_TEST_DATA OUT_PARSE OUT_FRAME OUT_REPLY DICTIONARY\n";
    return 2;
  }
  for (const int i : {2, 3, 4}) std::filesystem::create_directories(argv[i]);
  parse_seeds(argv[1], argv[2]);
  frame_seeds(argv[3]);
  reply_seeds(argv[1], argv[4]);
  dictionary(argv[5]);
}
