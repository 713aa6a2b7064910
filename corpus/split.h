// Which documents are trained on and which are held out. Decided by hashes of names and contents
// only, so that adding a document never moves another one (unless a split would be too small).
#pragma once

#include <map>
#include <vector>

#include "corpus/document.h"

namespace ballast::corpus {

// Every split of a domain has at least so many tokens: a score takes 65,536 tokens pooled over
// domains, and several scores must be able to take different ones.
constexpr int64_t kMinSplitTokens = 128 * 1024;

// The split a document falls into by the hash of its name and text alone: train 90 %, select 5 %,
// shadow 2.5 %, final 2.5 %.
Split split_by_hash(const std::string& domain, const Document& document);

// Sorts the documents by name into splits. A held-out split below `min_tokens` is filled with the
// documents of train that come next in the order of their hashes. Throws Error when the domain has
// too little text for that. A final-only domain goes to kFinal as a whole.
std::map<Split, std::vector<Document>> split_documents(DomainText domain,
                                                       int64_t min_tokens = kMinSplitTokens);

// Keeps documents in the order of a hash of their names until `max_tokens` are reached (one that
// does not fit is skipped).
void cap_documents(DomainText& domain, int64_t max_tokens);

// Cuts `text` at paragraph ends (else line ends, else anywhere outside a UTF-8 sequence) into
// pieces of at most `max_bytes`.
std::vector<std::string> cut_text(const std::string& text, size_t max_bytes);

}  // namespace ballast::corpus
