#include "corpus/sources.h"

namespace ballast::corpus {
namespace {

const PackageSource kHandbook{{"debian-handbook"},
                              "11.20220922",
                              "3d5dbeac1f1afc9c094eab9d0f701f6ecff99c4927d5a4794cf6c85678134faa"};
constexpr const char* kProseLicence = "GPL-3+ (man pages); GPL-2+ or CC-BY-SA-3.0 (handbook)";

// The Debian Administrator's Handbook in one language.
Part handbook(const std::string& language, double min_non_ascii) {
  return {.package = kHandbook,
          .format = Format::kHtml,
          .include = {"usr/share/doc/debian-handbook/html/" + language + "/*.html"},
          .exclude = {"*/index.html", "*/ix01.html"},
          .drop_lines = {"Download the ebook"},
          .min_non_ascii = min_non_ascii};
}

Part man_pages(PackageSource package, const std::string& folder, double min_non_ascii) {
  return {.package = std::move(package),
          .format = Format::kRoff,
          .include = {"usr/share/man/" + folder + "/*.gz"},
          .exclude = {"*/sane-*"},
          .drop_lines = {},
          .min_non_ascii = min_non_ascii};
}

DomainSource english() {
  return {
      .name = "english",
      .licence = "GPL-2 (anarchism); GPL-2+ or CC-BY-SA-3.0 (handbook)",
      .final_only = false,
      .parts = {{.package = {{"anarchism"},
                             "15.3-3",
                             "cf21c10948b00e923c62eb31c39a3390413fa26c5ee0e3b925feb0ec7fe42948"},
                 .format = Format::kHtml,
                 .include = {"usr/share/doc/anarchism/html/*.html"},
                 .exclude = {"*/biblio.html", "*/links.html", "*/alinks.html"},
                 .drop_lines = {}},
                handbook("en-US", 0)}};
}

DomainSource german() {
  return {.name = "german",
          .licence = kProseLicence,
          .final_only = false,
          .parts = {man_pages({{"manpages-de"},
                               "4.18.1-1",
                               "37d2e7ee51f22952aecec3af93647ff59194a3c74bb7a694560f49c7f7ab3978"},
                              "de", 0.005),
                    handbook("de-DE", 0.005)}};
}

DomainSource russian() {
  return {.name = "russian",
          .licence = kProseLicence,
          .final_only = false,
          .parts = {man_pages({{"manpages-ru"},
                               "4.18.1-1",
                               "5d5821dad5840652ba9c1c6b85bdc785c1fc52148a71c18fab6658c9659244c0"},
                              "ru", 0.3),
                    handbook("ru-RU", 0.3)}};
}

DomainSource chinese() {
  return {.name = "chinese",
          .licence =
              "GPL-2+, GFDL-1.2+, BSD and others (man pages); GPL-2+ or CC-BY-SA-3.0 "
              "(handbook)",
          .final_only = false,
          .parts = {man_pages({{"manpages-zh"},
                               "1.6.4.0-1",
                               "81bae29495f6445db290e3f329f1203eb19b651c2a7ea165b74ebdc853a32ac1"},
                              "zh_CN", 0.2),
                    handbook("zh-CN", 0.2), handbook("zh-TW", 0.2)}};
}

DomainSource python() {
  return {.name = "python",
          .licence = "PSF-2.0",
          .final_only = false,
          .parts = {
              {.package = {{"libpython3.11-stdlib", "libpython3.13-stdlib", "libpython3.12-stdlib"},
                           "3.11.2-6+deb12u9",
                           "10f13e000ee757f5f2d2d3569f9e30546214a0c850acd78695feae373bfa3e53"},
               .format = Format::kPython,
               .include = {"usr/lib/python3*.py"},
               .exclude = {"*/pydoc_data/*", "*/encodings/*", "*/unicodedata*", "*_sysconfigdata*"},
               .drop_lines = {}},
              {.package = {{"libpython3.11-testsuite", "libpython3.13-testsuite",
                            "libpython3.12-testsuite"},
                           "3.11.2-6+deb12u9",
                           "5dd0f85e950b344a51374e0ef68089e808f73c6c594c80e5232936b5c7ea4a28"},
               .format = Format::kPython,
               .include = {"usr/lib/python3*.py"},
               .exclude = {"*/test_email/*", "*encoded_modules*", "*/cjkencodings/*"},
               .drop_lines = {}}}};
}

DomainSource cpp() {
  return {
      .name = "cpp",
      .licence = "BSL-1.0",
      .final_only = false,
      .parts = {{.package = {{"libboost1.81-dev", "libboost1.83-dev", "libboost1.88-dev",
                              "libboost1.74-dev"},
                             "1.81.0-5+deb12u1",
                             "bfe6d942c9fa4d68c8455e712a16fe3911f85d92959a0753cb22e5c13c2067de"},
                 .format = Format::kCpp,
                 .include = {"usr/include/boost/*.hpp", "usr/include/boost/*.ipp"},
                 // Written by the preprocessor or for it, or the same text many times over.
                 .exclude = {"*/preprocessor/*",
                             "*/preprocessed/*",
                             "*/phoenix/*",
                             "*/fusion/*",
                             "*/mpl/*",
                             "*/typeof/*",
                             "*/vmd/*",
                             "*/metaparse/*",
                             "*/predef/*",
                             "*/qvm/*",
                             "*/function_types/*",
                             "*/numeric/odeint/*",
                             "*/numeric/ublas/*",
                             "*/geometry/srs/*",
                             "*/asio/read*",
                             "*/asio/write*",
                             "*/asio/basic_*",
                             "*/asio/buffered_*",
                             "*/archive/*",
                             "*/multiprecision/detail/*"},
                 .drop_lines = {}}}};
}

DomainSource math() {
  return {
      .name = "math",
      .licence = "CC0-1.0",
      .final_only = false,
      .parts = {{.package = {{"metamath-databases"},
                             "0.0.0~20210101.git55fe226-2",
                             "c72523c221db6c1039fa909150f9c53fb9175809792f2e80e55e1baa965445a1"},
                 .format = Format::kMetamath,
                 .include = {"usr/share/metamath/databases/set.mm"},
                 .exclude = {},
                 .drop_lines = {}}}};
}

// One strain per species: strains of one species are nearly the same text.
DomainSource dna() {
  const std::string folder = "usr/share/doc/ragout/examples/";
  return {
      .name = "dna",
      .licence = "BSD-3-clause (package); public GenBank genomes",
      .final_only = false,
      .parts = {{.package = {{"ragout-examples"},
                             "2.3-4",
                             "cbe6d0dd8b0e36ef2c93c9b9655955f42019dcd9e9b77388ee58ee54d50bd140"},
                 .format = Format::kFasta,
                 .include = {folder + "E.Coli/references/MG1655-K12.fasta.gz",
                             folder + "H.Pylori/references/G27.fasta.gz",
                             folder + "S.Aureus/references/N315.fasta.gz",
                             folder + "V.Cholerae/references/O395.fasta.gz"},
                 .exclude = {},
                 .drop_lines = {}}}};
}

DomainSource french() {
  return {.name = "french",
          .licence = kProseLicence,
          .final_only = true,
          .parts = {man_pages({{"manpages-fr"},
                               "4.18.1-1",
                               "ec29759cc0e4a44dc7719c1e32869d0060667049e584f09556f0d982b969ea33"},
                              "fr", 0.01),
                    handbook("fr-FR", 0.01)}};
}

DomainSource scheme() {
  return {
      .name = "scheme",
      .licence = "SLIB licence (permissive) and public domain",
      .final_only = true,
      .parts = {{.package = {{"slib"},
                             "3b6-3",
                             "3fad4e3063840dbdb9cfad1d31f9c23191f308e2a8d1dc1f2396565eac8d036a"},
                 .format = Format::kScheme,
                 .include = {"usr/share/slib/*.scm", "usr/share/slib/*.init"},
                 .exclude = {},
                 .drop_lines = {}}}};
}

}  // namespace

const std::vector<DomainSource>& default_domains() {
  static const std::vector<DomainSource> kDomains{english(), german(), russian(), chinese(),
                                                  python(),  cpp(),    math(),    dna(),
                                                  french(),  scheme()};
  return kDomains;
}

}  // namespace ballast::corpus
