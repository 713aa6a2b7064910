// From files to documents.
#include "corpus/collect.h"

#include <gtest/gtest.h>

#include "corpus/process.h"
#include "temporary_folder.h"

namespace ballast::corpus {
namespace {

const std::string kSentence = "Dieser Satz steht für einen übersetzten Absatz von einiger Länge. ";

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text + std::to_string(i) + "\n";
  return out;
}

DomainSource man_pages(double min_non_ascii = 0) {
  return {.name = "pages",
          .licence = "",
          .final_only = false,
          .parts = {{.package = {{"pkg"}, "1", ""},
                     .format = Format::kRoff,
                     .include = {"man/*.1*"},
                     .exclude = {"*/skip*"},
                     .drop_lines = {"Footer"},
                     .min_non_ascii = min_non_ascii}}};
}

TEST(Collect, ReadsPlainAndCompressedFilesInTheOrderOfTheirNames) {
  TemporaryFolder folder;
  folder.write("man/b.1", ".SH B\n" + repeated(kSentence + "b", 4) + "Footer\n");
  folder.write("man/a.1", ".SH A\n" + repeated(kSentence + "a", 4));
  folder.write("man/skipped.1", repeated(kSentence + "c", 4));
  folder.write("other/d.1", repeated(kSentence + "d", 4));
  ASSERT_EQ(run_program({"gzip", "man/a.1"}, folder.path()).status, 0);
  Dedup dedup;
  const auto documents = collect(man_pages(), {{"pkg", folder.path()}}, dedup);
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(documents[0].name, "pkg/man/a.1.gz");
  EXPECT_EQ(documents[0].text, "A\n\n" + repeated(kSentence + "a", 4));
  EXPECT_EQ(documents[1].text, "B\n\n" + repeated(kSentence + "b", 4));
}

TEST(Collect, LeavesOutUntranslatedForeignAndRepeatedPages) {
  TemporaryFolder folder;
  folder.write("man/a.1", repeated(kSentence, 4));
  folder.write("man/again.1", repeated(kSentence, 4));
  folder.write("man/english.1", repeated("This page was never translated into German. ", 8));
  folder.write("man/latin1.1", repeated("Gr\xfc\xdf"
                                        "e in einer alten Kodierung, viele davon. ",
                                        8));
  Dedup dedup;
  const auto documents = collect(man_pages(0.01), {{"pkg", folder.path()}}, dedup);
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(documents[0].name, "pkg/man/a.1");
}

TEST(Collect, CutsLongFilesIntoDocuments) {
  TemporaryFolder folder;
  folder.write("man/long.1", repeated(kSentence, 1000));
  Dedup dedup;
  const auto documents = collect(man_pages(), {{"pkg", folder.path()}}, dedup);
  ASSERT_EQ(documents.size(), 5u);
  EXPECT_EQ(documents[1].name, "pkg/man/long.1#000001");
  for (const Document& document : documents) EXPECT_LE(document.text.size(), 16u << 10);
}

TEST(Collect, SaysThatAPackageHoldsNoneOfItsFiles) {
  TemporaryFolder folder;
  Dedup dedup;
  const std::string text = error_of([&] { collect(man_pages(), {{"pkg", folder.path()}}, dedup); });
  EXPECT_NE(text.find("package pkg holds none"), std::string::npos) << text;
}

TEST(CollectFolder, SkipsTheSameDocumentTwice) {
  TemporaryFolder folder;
  folder.write("a.txt", "same\n");
  folder.write("b.txt", "same\n");
  folder.write("empty.txt", "");
  Dedup dedup;
  const FolderText text = collect_folder(folder.path(), dedup);
  EXPECT_EQ(text.documents.size(), 1u);
  EXPECT_EQ(text.duplicates, 1);
  EXPECT_EQ(text.skipped, 0);
}

TEST(DefaultDomains, AreEightAndTwoThatOnlyFinalHas) {
  int searched = 0, final_only = 0;
  for (const DomainSource& domain : default_domains()) {
    (domain.final_only ? final_only : searched) += 1;
    EXPECT_TRUE(valid_domain_name(domain.name));
    EXPECT_FALSE(domain.licence.empty());
    for (const Part& part : domain.parts) EXPECT_EQ(part.package.sha256.size(), 64u);
  }
  EXPECT_EQ(searched, 8);
  EXPECT_EQ(final_only, 2);
}

}  // namespace
}  // namespace ballast::corpus
