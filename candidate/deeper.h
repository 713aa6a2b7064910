// Bounds the evaluator's recursion: expressions, statements and helpers within each other.
#pragma once

#include "candidate/evaluator.h"

namespace ballast::candidate {

class Evaluator::Deeper {
 public:
  Deeper(Evaluator& evaluator, Position at) : evaluator_(evaluator) {
    constexpr int kDeepest = 250;  // frames of about 1 KiB each
    if (evaluator_.depth_ >= kDeepest)
      fail(at, "helpers and expressions are nested too deeply", "give parts of it names");
    ++evaluator_.depth_;
  }
  ~Deeper() { --evaluator_.depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;

 private:
  Evaluator& evaluator_;
};

}  // namespace ballast::candidate
