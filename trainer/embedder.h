// Vectors of texts from a BERT encoder, as sentence-transformers makes them: the mean over the last
// layer's tokens, of length 1 (all-MiniLM-L6-v2: 6 layers of width 384).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/word_piece.h"

namespace ballast::trainer {

class SafeTensors;

// What of a model's config.json the shapes of its weights do not say.
struct EncoderSpec {
  int64_t layers = 6;
  int64_t heads = 12;
  int64_t width = 384;         // D
  int64_t inner_width = 1536;  // F
  int64_t positions = 512;     // P
  double epsilon = 1e-12;      // of the layer norms
};
// Throws Error for what is not a BERT encoder with GELU and absolute positions.
EncoderSpec parse_encoder_spec(std::string_view json);

class Embedder {
 public:
  // From a folder with model.safetensors, vocab.txt and config.json, as the Hugging Face library
  // writes them. Throws Error naming the file and what is wrong with it.
  explicit Embedder(const std::filesystem::path& folder);

  // A text of more than 254 pieces is cut into runs of 254, each encoded on its own; the mean is
  // over the tokens of all of them, so that the end of a text counts, too. Throws Error for a text
  // above 64 KiB and for a vector that is zero or not finite.
  std::vector<float> embed(std::string_view text) const;

 private:
  struct Norm {
    at::Tensor weight, bias;  // (D)
  };
  struct Linear {
    at::Tensor weight, bias;  // (out,in), (out)
  };
  struct Layer {
    Linear query, key, value, output, inner, outer;
    Norm after_attention, after_inner;
  };
  Layer read_layer(SafeTensors& file, const std::string& prefix) const;
  at::Tensor normed(const at::Tensor& x, const Norm& norm) const;
  at::Tensor attention(const Layer& layer, const at::Tensor& x) const;
  at::Tensor encode(const std::vector<int64_t>& ids) const;  // (T) -> (T,D)

  EncoderSpec spec_;
  WordPiece tokenizer_;
  at::Tensor words_;      // (V,D)
  at::Tensor positions_;  // (P,D), those of the one token type added
  Norm input_norm_;
  std::vector<Layer> layers_;
};

}  // namespace ballast::trainer
