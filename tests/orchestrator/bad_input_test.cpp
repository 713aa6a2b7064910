// Bad input of every kind, given to the real program: one clear message on stderr, the right exit
// code (common/error.h), nothing lost and nothing changed. What needs a trainer is in
// bad_job_test.cpp.
#include <sys/stat.h>

#include <filesystem>

#include "common/clock.h"
#include "common/config.h"
#include "population/archive.h"
#include "population/db.h"
#include "run_ballast.h"

namespace ballast::orchestrator {
namespace {

namespace fs = std::filesystem;

// A command line, the exit code it must have, and what its message must say.
struct Case {
  std::vector<std::string> arguments;
  int code;
  std::vector<std::string> said;
};

class BadInput : public BallastTest {
 protected:
  void expect(const std::vector<Case>& cases) {
    for (const Case& c : cases) {
      std::string line;
      for (const std::string& word : c.arguments) line += " " + word;
      SCOPED_TRACE("ballast" + line);
      const Ran ran = run(c.arguments);
      for (const std::string& part : c.said) expect_complaint(ran, c.code, part);
    }
  }

  // An archive with a run and an event.
  void make_archive(const std::string& name) const {
    const SystemClock clock;
    population::Archive archive(folder() / name, clock);
    population::RunRow run;
    run.config = to_toml(Config(), Help::kWithout);
    run.config_hash = config_hash(Config());
    run.build = "build";
    run.spec = to_json(train_spec(Config()));
    run.spec_hash = "spec";
    run.objective = "constrained";
    run.reference = "builtin:global_lbl";
    archive.begin_run(run);
    for (int i = 0; i < 200; ++i) archive.add_event("filler", std::string(500, 'x'));
    archive.end_run("max_seconds");
  }
};

TEST_F(BadInput, Settings) {
  write("key.toml", "seed = 1\nmax_secnds = 3\n");
  write("type.toml", "seed = \"x\"\n");
  write("list.toml", "[rungs]\ntokens = \"many\"\n");
  write("syntax.toml", "seed = 1\neta = \n");
  write("twice.toml", "seed = 1\nseed = 2\n");
  write("binary.toml", "\xff\xfe\x01");
  write("range.toml", "\n\nmu = -1\n");
  fs::create_directory(folder() / "folder");
  expect({
      {{"config", "-c", "key.toml"},
       2,
       {"key.toml:2:", "max_secnds", "nearest is \"max_seconds\""}},
      {{"search", "-c", "key.toml"}, 2, {"key.toml:2:"}},
      {{"search", "-c", "type.toml"}, 2, {"type.toml:1: seed: expected a whole number"}},
      {{"search", "-c", "list.toml"}, 2, {"list.toml:2: rungs.tokens: expected a list"}},
      {{"search", "-c", "syntax.toml"}, 2, {"syntax.toml:2", "not TOML"}},
      {{"search", "-c", "twice.toml"}, 2, {"twice.toml:2", "not TOML"}},
      {{"search", "-c", "binary.toml"}, 2, {"binary.toml:1", "not TOML", "utf-8"}},
      {{"search", "-c", "range.toml"}, 2, {"range.toml:3: mu: -1 is out of range"}},
      {{"search", "-c", "absent.toml"}, 2, {"absent.toml", "ballast config > absent.toml"}},
      {{"search", "-c", "folder"}, 2, {"folder: it is a folder"}},
      {{"search", "max_secnds=3"}, 2, {"nearest is \"max_seconds\""}},
      {{"search", "seed=x"}, 2, {"seed: expected a whole number, found \"x\""}},
      {{"search", "eta"}, 2, {"expected key=value, found \"eta\""}},
      {{"search", "=5"}, 2, {"expected key=value"}},
      {{"search", "rungs.eta=1"}, 2, {"rungs.eta: 1 is out of range: above 1"}},
      {{"search", "rungs.tokens=4096,x"}, 2, {"rungs.tokens"}},
      {{"search", "parents=best"}, 2, {"parents", "posterior"}},
      {{"search", "--hours", "-1"}, 2, {"--hours"}},
      {{"search", "--compare", "full,genetc", "--from", "a.db"}, 2, {"nearest is \"genetic\""}},
      {{"search", "--compare", "full"}, 2, {"--from ARCHIVE"}},
      {{"search", "--seeds", "3"}, 2, {"--compare"}},
  });
  EXPECT_FALSE(fs::exists(folder() / "search.db")) << "a refused search made an archive";
}

// The files of an embedding model, before anything is made of them.
TEST_F(BadInput, EmbeddingModels) {
  const std::string sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const auto expect_finding = [&](const std::string& folder, const std::string& said) {
    write("models.toml",
          "[[models]]\nname = \"a\"\nprovider = \"compatible\"\nmodel = \"m\"\n"
          "base_url = \"http://127.0.0.1:1/v1\"\n"
          "[[models]]\nname = \"b\"\nprovider = \"local\"\nuses = [\"embed\"]\nmodel = \"" +
              folder + "\"\n");
    const Ran ran = run({"doctor", "models=models.toml"});
    EXPECT_EQ(ran.code, 1) << ran.err;
    EXPECT_NE(ran.out.find(said), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("scripts/local-embedding.sh"), std::string::npos) << ran.out;
  };
  expect_finding("no-such-model", "embedding/no-such-model/SHA256SUMS");
  expect_finding("./nowhere", "cannot read ./nowhere/SHA256SUMS");
  fs::create_directory(folder() / "encoder");
  for (const char* name : {"config.json", "model.safetensors", "vocab.txt"})
    write(std::string("encoder/") + name, "");
  write("encoder/SHA256SUMS", sum + "  config.json\n" + sum + "  vocab.txt\n");
  expect_finding("./encoder", "does not name model.safetensors");
  write("encoder/SHA256SUMS",
        sum + "  config.json\n" + sum + "  vocab.txt\n" + sum + "  model.safetensors\n");
  write("encoder/vocab.txt", "changed");
  expect_finding("./encoder", "encoder/vocab.txt has the SHA-256 ");
}

TEST_F(BadInput, Corpora) {
  ASSERT_EQ(run({"data", "build", "--synthetic"}).code, 0);
  const fs::path data = folder() / "data";
  for (const char* copy : {"short", "missing", "torn", "none", "flipped", "renamed"})
    fs::copy(data / "synthetic", data / copy, fs::copy_options::recursive);
  fs::resize_file(data / "short/nest.train.bin", 100);
  fs::remove(data / "missing/nest.train.bin");
  fs::resize_file(data / "torn/manifest.json", 200);
  fs::remove(data / "none/manifest.json");
  std::string bytes = read("data/flipped/nest.train.bin");
  bytes[1000] = static_cast<char>(bytes[1000] ^ 1);
  write("data/flipped/nest.train.bin", bytes);
  std::string manifest = read("data/renamed/manifest.json");
  manifest.replace(manifest.find("\"tokens\""), 8, "\"tokans\"");
  write("data/renamed/manifest.json", manifest);
  expect({
      {{"search", "data=absent"}, 2, {"there is no corpus", "ballast data build"}},
      {{"search", "data=none"}, 2, {"there is no corpus"}},
      {{"search", "data=short"}, 1, {"nest.train.bin has 100 bytes", "ballast data build"}},
      {{"search", "data=missing"}, 1, {"nest.train.bin is missing"}},
      {{"search", "data=torn"}, 1, {"manifest.json", "ballast data build"}},
      {{"search", "data=renamed"}, 1, {"manifest.json"}},
      {{"search", "data=flipped"}, 1, {"nest.train.bin", "SHA-256", "ballast data build"}},
      {{"train", "--loss", "none", "data=flipped"}, 1, {"nest.train.bin", "SHA-256"}},
      {{"data", "info", "flipped", "--check"}, 1, {"nest.train.bin", "SHA-256"}},
      {{"data", "build", "--from", "absent"}, 1, {"absent"}},
  });
}

// Whatever an archive is, it is as it was afterwards.
TEST_F(BadInput, Archives) {
  make_archive("good.db");
  const std::string good = read("good.db");
  write("garbage.db", std::string(8000, 'g'));
  write("empty.db", "");
  write("cut.db", good.substr(0, good.size() / 2));
  std::string corrupt = good;
  corrupt.replace(4096, corrupt.size() - 4096, corrupt.size() - 4096, 'Z');  // all but the header
  write("corrupt.db", corrupt);
  std::string header = good;
  header.replace(0, 16, "no format here\n\n");
  write("header.db", header);
  fs::create_directory(folder() / "folder.db");
  {
    population::Db((folder() / "foreign.db").string(), population::Db::Mode::kCreate)
        .exec("CREATE TABLE t (a)");
  }
  write("newer.db", good);
  population::Db((folder() / "newer.db").string(), population::Db::Mode::kReadWrite)
      .exec("PRAGMA user_version = 99");
  fs::remove(folder() / "newer.db-wal");
  fs::remove(folder() / "newer.db-shm");

  struct Bad {
    const char *name, *said;
  };
  const Bad bad[] = {{"garbage.db", "not an archive"},  {"header.db", "not an archive"},
                     {"foreign.db", "another program"}, {"newer.db", "newer Ballast (schema 99"},
                     {"folder.db", "it is not a file"}, {"cut.db", "damaged"},
                     {"corrupt.db", "damaged"}};
  for (const Bad& b : bad) {
    const bool file = fs::is_regular_file(folder() / b.name);
    const std::string before = file ? read(b.name) : "";
    const std::string name = b.name;
    expect({{{"top", "-a", name}, 1, {b.said, name}},
            {{"status", "-a", name}, 1, {b.said}},
            {{"show", "@1", "-a", name}, 1, {b.said}},
            {{"lineage", "@1", "-a", name}, 1, {b.said}},
            {{"replay", name}, 1, {b.said}},
            {{"backup", name, "out.db"}, 1, {b.said}}});
    EXPECT_EQ(file ? read(name) : "", before) << name;
    EXPECT_FALSE(fs::exists(folder() / "out.db"));
  }
  for (const char* name : {"empty.db", "nowhere/search.db", "absent.db"})
    expect({{{"top", "-a", name}, 1, {"there is no such archive"}},
            {{"verify", name}, 1, {"there is no such archive"}},
            {{"backup", name, "out.db"}, 1, {"there is no such archive"}}});
  EXPECT_FALSE(fs::exists(folder() / "nowhere")) << "reading made a folder";
  expect({{{"backup", "good.db", "garbage.db"}, 1, {"garbage.db", "the file exists"}},
          {{"backup", "good.db", "nowhere/out.db"}, 1, {"no folder"}},
          {{"replay", "good.db", "--out", "garbage.db"}, 2, {"the file exists"}},
          {{"top", "-a", "good.db", "--rung", "0"}, 2, {"--rung"}},
          {{"show", "@1", "-a", "good.db"}, 2, {"beyond the leaderboard"}},
          {{"show", "abcdef", "-a", "good.db"}, 2, {"no candidate of this archive"}},
          {{"diff", "@1", "@x", "-a", "good.db"}, 2, {"@1"}}});
}

TEST_F(BadInput, LossTexts) {
  const auto repeat = [](const std::string& text, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += text;
    return out;
  };
  const std::string def = "def balance_loss(r):\n";
  struct Text {
    std::string name, text, said;
  };
  const Text texts[] = {
      {"lex.py", def + "    return r.probs.sum() $ 2\n", "lex.py:2:26: character '$'"},
      {"colon.py", "def balance_loss(r)\n    return 1\n",
       "colon.py:1:20: found the end of the line"},
      {"indent.py", def + "return r.probs.sum()\n", "indent.py:2:1:"},
      {"type.py", def + "    return (r.probs @ r.logits).sum()\n", "type.py:2:21:"},
      {"name.py", def + "    return r.probz.sum()\n", "name.py:2:"},
      {"loop.py", def + "    x = 0.0\n    while x < 1:\n        x = x + 1\n    return x\n",
       "loop.py:3:"},
      {"import.py", "import os\n" + def + "    return r.probs.sum()\n", "import.py:1:"},
      {"long.py", "#" + repeat("x", 20'000) + "\n" + def + "    return r.probs.sum()\n",
       "long.py:1:1: the text has"},
      {"deep.py", def + "    return " + repeat("(", 100) + "1" + repeat(")", 100) + "\n",
       "deep.py:2:76: brackets are nested deeper than 64"},
      {"double.py",
       def + "    x = r.probs.sum()\n    for i in range(64):\n        for j in range(64):\n" +
           "            x = x * x + x\n    return x\n",
       "double.py:"},
      {"empty.py", "", "neither balance_loss(r) nor selection_bias"},
      {"other.py", "def other(r):\n    return r.probs.sum()\n", "neither balance_loss(r)"},
      {"binary.py", std::string("\0\1\2\x1b[31mred", 11) + repeat("\xfe", 300),
       "control character"},
      {"latin.py", "# \xe4\n" + def + "    return r.probs.sum()\n",
       "latin.py:1:3: byte 0xE4 is not"},
  };
  for (const Text& t : texts) {
    write(t.name, t.text);
    const Ran ran = run({"check", "--static", t.name});
    EXPECT_EQ(ran.code, 3) << t.name;
    EXPECT_NE(ran.err.find(t.said), std::string::npos) << ran.err;
    EXPECT_EQ(ran.out, "") << t.name;
    for (const char c : ran.err)  // nothing that a terminal would obey, and no endless line
      EXPECT_TRUE(c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= 0x20) << t.name;
    EXPECT_LT(ran.err.size(), 1000u) << t.name;
    const Ran json = run({"check", "--static", t.name, "--json"});
    EXPECT_EQ(json.code, 3) << t.name;
    const nlohmann::json parsed = nlohmann::json::parse(json.out, nullptr, false);
    ASSERT_FALSE(parsed.is_discarded()) << json.out;
    EXPECT_EQ(parsed["valid"], false);
  }
  write("huge.py", std::string(3'000'000, '#'));
  fs::create_directory(folder() / "folder.py");
  expect({{{"check", "huge.py"}, 2, {"huge.py has 3000000 bytes: that is no loss"}},
          {{"check", "absent.py"}, 2, {"absent.py", "no such file"}},
          {{"check", "folder.py"}, 2, {"folder.py", "it is a folder"}},
          {{"train", "--loss", "globl_lbl"}, 2, {"the nearest name is \"global_lbl\""}},
          {{"train", "--loss", "./absent.py"}, 2, {"no such file"}},
          {{"search", "start.files=[\"absent.py\"]"}, 2, {"absent.py"}}});
}

}  // namespace
}  // namespace ballast::orchestrator
