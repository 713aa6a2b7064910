// Documents to splits, caps and cuts.
#include "corpus/split.h"

#include <gtest/gtest.h>

#include <set>

#include "temporary_folder.h"

namespace ballast::corpus {
namespace {

DomainText domain_of(int documents, size_t bytes) {
  DomainText domain{
      .name = "d", .licence = "", .final_only = false, .sources = {}, .documents = {}};
  for (int i = 0; i < documents; ++i) {
    domain.documents.push_back({"doc" + std::to_string(i), std::string(bytes - 1, 'x') + "\n"});
  }
  return domain;
}

std::set<std::string> names(const std::vector<Document>& documents) {
  std::set<std::string> set;
  for (const Document& d : documents) set.insert(d.name);
  return set;
}

int64_t tokens(const std::vector<Document>& documents) {
  int64_t total = 0;
  for (const Document& d : documents) total += static_cast<int64_t>(d.text.size());
  return total;
}

TEST(Split, OfAKnownDocumentNeverChanges) {
  EXPECT_EQ(split_by_hash("d", {"doc0", "text\n"}), Split::kTrain);
  std::string splits;
  for (int i = 0; i < 40; ++i) {
    const Split split = split_by_hash("english", {"page" + std::to_string(i), "x\n"});
    splits += std::to_string(static_cast<int>(split));
  }
  EXPECT_EQ(splits, "3020000003000000000100300000000100000000");
}

TEST(Split, HasTheSharesItPromises) {
  auto splits = split_documents(domain_of(20'000, 10), 1);
  EXPECT_NEAR(static_cast<double>(tokens(splits[Split::kTrain])), 180'000, 1'500);
  EXPECT_NEAR(static_cast<double>(tokens(splits[Split::kSelect])), 10'000, 1'000);
  EXPECT_NEAR(static_cast<double>(tokens(splits[Split::kShadow])), 5'000, 700);
  EXPECT_NEAR(static_cast<double>(tokens(splits[Split::kFinal])), 5'000, 700);
}

TEST(Split, DoesNotDependOnTheOrderOfTheDocuments) {
  DomainText forwards = domain_of(300, 100), backwards = domain_of(300, 100);
  std::reverse(backwards.documents.begin(), backwards.documents.end());
  const auto a = split_documents(forwards, 2000), b = split_documents(backwards, 2000);
  for (const Split split : kSplits) EXPECT_EQ(names(a.at(split)), names(b.at(split)));
}

TEST(Split, KeepsDocumentsInPlaceWhenOneIsAdded) {
  const auto before = split_documents(domain_of(1000, 100), 1);
  const auto after = split_documents(domain_of(1001, 100), 1);
  for (const Split split : {Split::kSelect, Split::kShadow, Split::kFinal}) {
    for (const std::string& name : names(before.at(split))) {
      EXPECT_TRUE(names(after.at(split)).contains(name));
    }
  }
}

TEST(Split, FillsSmallSplitsFromTrain) {
  const auto splits = split_documents(domain_of(100, 1000), 20'000);
  size_t documents = 0;
  for (const Split split : kSplits) {
    EXPECT_GE(tokens(splits.at(split)), 20'000) << to_string(split);
    documents += splits.at(split).size();
  }
  EXPECT_EQ(documents, 100u);
}

TEST(Split, RefusesADomainThatIsTooSmall) {
  EXPECT_NE(error_of([] { split_documents(domain_of(30, 1000), 10'000); }).find("too little"),
            std::string::npos);
  DomainText final_only = domain_of(3, 1000);
  final_only.final_only = true;
  EXPECT_NE(error_of([&] { split_documents(final_only, 10'000); }).find("at least"),
            std::string::npos);
}

TEST(Split, OfAFinalOnlyDomainIsFinal) {
  DomainText domain = domain_of(30, 1000);
  domain.final_only = true;
  const auto splits = split_documents(domain, 10'000);
  EXPECT_EQ(splits.size(), 1u);
  EXPECT_EQ(splits.at(Split::kFinal).size(), 30u);
}

TEST(Cap, KeepsTheSameDocumentsWhateverTheirOrder) {
  DomainText a = domain_of(200, 1000), b = domain_of(200, 1000);
  std::reverse(b.documents.begin(), b.documents.end());
  cap_documents(a, 50'500);
  cap_documents(b, 50'500);
  EXPECT_EQ(a.documents.size(), 50u);
  EXPECT_EQ(names(a.documents), names(b.documents));
}

TEST(Cut, PrefersParagraphsThenLinesThenCharacters) {
  EXPECT_EQ(cut_text("aaaaaa\n\nbb\ncc", 10), (std::vector<std::string>{"aaaaaa\n\n", "bb\ncc"}));
  EXPECT_EQ(cut_text("aaaaaaa\nbbbbb", 10), (std::vector<std::string>{"aaaaaaa\n", "bbbbb"}));
  const auto pieces = cut_text("ääääääää", 9);
  EXPECT_EQ(pieces, (std::vector<std::string>{"ääää", "ääää"}));
}

TEST(Cut, LosesNothing) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += i % 7 == 0 ? "\n\n" : i % 3 == 0 ? "word\n" : "中文 ";
  for (const size_t most : {8u, 13u, 64u, 1000u}) {
    std::string joined;
    for (const std::string& piece : cut_text(text, most)) {
      EXPECT_LE(piece.size(), most);
      EXPECT_FALSE(piece.empty());
      joined += piece;
    }
    EXPECT_EQ(joined, text);
  }
}

}  // namespace
}  // namespace ballast::corpus
