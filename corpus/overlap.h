// How much of one text occurs verbatim in another: the check that held-out text is held out.
#pragma once

#include <cstdint>
#include <vector>

#include "corpus/document.h"

namespace ballast::corpus {

// About 13 words of English, or 21 Chinese characters: the same measure for every script.
constexpr size_t kOverlapWindow = 64;  // bytes

// Share of the 64-byte windows of `held_out` that occur in `train`, in parts per million. A run of
// white space counts as one space; windows do not cross documents.
int64_t overlap_ppm(const std::vector<Document>& train, const std::vector<Document>& held_out);

}  // namespace ballast::corpus
