// einsum of one or two operands, as sums, transposes and one matrix product.
#include <algorithm>
#include <string>

#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

struct Operand {
  NodeId x;
  std::string letters;  // one a dimension
};

bool has(const std::string& letters, char letter) {
  return letters.find(letter) != std::string::npos;
}

class Einsum {
 public:
  Einsum(Lowering& low, const Arguments& args) : low_(low), args_(args) {}

  NodeId run() {
    read_equation();
    for (Operand& operand : operands_) drop_doubles(operand);
    for (size_t i = 0; i < operands_.size(); ++i) sum_private(i);
    Operand result = operands_.size() == 1 ? operands_[0] : contract();
    Dims order;
    for (const char letter : output_)
      order.push_back(static_cast<int64_t>(result.letters.find(letter)));
    return low_.permute(result.x, order);
  }

 private:
  [[noreturn]] void refuse(const std::string& message) const {
    args_.refuse("equation", message, "one or two operands, as in 'te,tf->ef'");
  }

  void read_equation() {
    std::string text = args_.text("equation");
    std::erase(text, ' ');
    const size_t arrow = text.find("->");
    std::string inputs = text.substr(0, arrow);
    std::vector<std::string> parts(1);
    for (const char c : inputs) {
      if (c == ',') {
        parts.emplace_back();
      } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        parts.back() += c;
      } else {
        refuse("the equation may hold letters, ',' and '->' only");
      }
    }
    const std::vector<NodeId> xs = args_.tensors("operands");
    if (xs.size() > 2) refuse("more than two operands are not in the language");
    if (parts.size() != xs.size())
      refuse("the equation has " + std::to_string(parts.size()) + " operands, the call " +
             std::to_string(xs.size()));
    for (size_t i = 0; i < xs.size(); ++i) {
      if (static_cast<int64_t>(parts[i].size()) != low_.rank(xs[i]))
        refuse("'" + parts[i] + "' does not fit the dimensions of " + low_.describe(xs[i]));
      operands_.push_back({xs[i], parts[i]});
      note_sizes(operands_.back());
    }
    output_ = arrow == std::string::npos ? implicit_output(inputs) : text.substr(arrow + 2);
    for (const char letter : output_)
      if (!has(inputs, letter) || std::count(output_.begin(), output_.end(), letter) > 1)
        refuse("the output may name each letter of the inputs once");
  }

  void note_sizes(const Operand& operand) {
    for (size_t i = 0; i < operand.letters.size(); ++i) {
      const Dim& size = low_.shape(operand.x)[i];
      Dim& known = sizes_[static_cast<unsigned char>(operand.letters[i])];
      if (known != Dim(0) && known != size)
        refuse(std::string("letter '") + operand.letters[i] + "' stands for sizes " +
               known.to_string() + " and " + size.to_string());
      known = size;
    }
  }

  // Without "->": the letters that occur once, in the order of the alphabet.
  static std::string implicit_output(const std::string& inputs) {
    std::string output;
    for (const char letter : inputs)
      if (letter != ',' && std::count(inputs.begin(), inputs.end(), letter) == 1) output += letter;
    std::sort(output.begin(), output.end());
    return output;
  }

  void drop_doubles(Operand& operand) {
    if (operand.letters.size() == 2 && operand.letters[0] == operand.letters[1]) {
      operand = {low_.unary(Op::kDiagonal, operand.x), operand.letters.substr(0, 1)};
      return;
    }
    for (const char letter : operand.letters)
      if (std::count(operand.letters.begin(), operand.letters.end(), letter) > 1)
        refuse("a letter stands twice in one operand");
  }

  // Sums over the letters that neither the output nor the other operand has.
  void sum_private(size_t which) {
    Operand& operand = operands_[which];
    const std::string other = operands_.size() == 2 ? operands_[1 - which].letters : "";
    Dims dims;
    std::string kept;
    for (size_t i = 0; i < operand.letters.size(); ++i) {
      if (has(output_, operand.letters[i]) || has(other, operand.letters[i])) {
        kept += operand.letters[i];
      } else {
        dims.push_back(static_cast<int64_t>(i));
      }
    }
    if (!dims.empty()) operand = {low_.reduce(Op::kSum, operand.x, dims), kept};
  }

  NodeId arranged(const Operand& operand, const std::string& order, Shape shape) {
    Dims dims;
    for (const char letter : order)
      dims.push_back(static_cast<int64_t>(operand.letters.find(letter)));
    return low_.reshape(low_.permute(operand.x, dims), std::move(shape));
  }

  Dim product_of(const std::string& letters) const {
    Dim product(1);
    for (const char letter : letters)
      product = product * sizes_[static_cast<unsigned char>(letter)];
    return product;
  }

  // (batch, left, shared) @ (batch, shared, right)
  Operand contract() {
    std::string batch, left, shared, right;
    for (const char letter : operands_[0].letters) {
      const bool both = has(operands_[1].letters, letter);
      (!both ? left : has(output_, letter) ? batch : shared) += letter;
    }
    for (const char letter : operands_[1].letters)
      if (!has(operands_[0].letters, letter)) right += letter;
    const Dim b = product_of(batch), l = product_of(left), s = product_of(shared),
              r = product_of(right);
    const NodeId x = arranged(operands_[0], batch + left + shared, {b, l, s});
    const NodeId y = arranged(operands_[1], batch + shared + right, {b, s, r});
    const NodeId product = shared.empty() ? low_.product(x, y) : low_.binary(Op::kMatmul, x, y);
    Shape shape;
    for (const char letter : batch + left + right)
      shape.push_back(sizes_[static_cast<unsigned char>(letter)]);
    return {low_.reshape(product, shape), batch + left + right};
  }

  Lowering& low_;
  const Arguments& args_;
  std::vector<Operand> operands_;
  std::string output_;
  std::vector<Dim> sizes_ = std::vector<Dim>(256);
};

}  // namespace

Value lower_einsum(Lowering& low, const Arguments& args) {
  if (!args.has("operands")) args.refuse("equation", "needs an operand");
  return Value::of(Einsum(low, args).run());
}

}  // namespace ballast::candidate
