#include "candidate/type.h"

#include <gtest/gtest.h>

#include "candidate/graph.h"

namespace ballast::candidate {
namespace {

const Dim T = Dim::symbol(Symbol::kT), E = Dim::symbol(Symbol::kE), K = Dim::symbol(Symbol::kK);

TEST(Type, ShapesBroadcastAsInPyTorch) {
  EXPECT_EQ(broadcast({T, E}, {E}), (Shape{T, E}));
  EXPECT_EQ(broadcast({}, {T, E}), (Shape{T, E}));
  EXPECT_EQ(broadcast({T, 1}, {E}), (Shape{T, E}));
  EXPECT_EQ(broadcast({1, E}, {T, 1}), (Shape{T, E}));
  EXPECT_EQ(broadcast({T, E}, {T}), std::nullopt);
  EXPECT_EQ(broadcast({E}, {K}), std::nullopt);  // sizes that may differ do not fit
  EXPECT_EQ(broadcast({E - 1}, {E}), std::nullopt);
}

TEST(Type, PrintsAsPeopleWriteIt) {
  EXPECT_EQ(to_string(Shape{T, E}), "(T,E)");
  EXPECT_EQ(to_string(Shape{E}), "(E,)");
  EXPECT_EQ(to_string(Shape{}), "()");
  EXPECT_EQ(to_string(Type{true, Element::kFloat, {T, E}}), "float (T,E) tensor");
  EXPECT_EQ(to_string(Type{false, Element::kInt, {}}), "int");
}

TEST(Type, ElementsIsTheProductOfSizes) {
  EXPECT_EQ(elements({T, E}), T * E);
  EXPECT_EQ(elements({}), Dim(1));
}

TEST(Graph, EveryOpHasItsRowInTableOrder) {
  EXPECT_EQ(all_ops().front(), Op::kField);
  EXPECT_EQ(all_ops().back(), Op::kEye);
  EXPECT_EQ(all_ops().size(), static_cast<size_t>(Op::kEye) + 1);
  EXPECT_EQ(row(Op::kLogSumExp).name, "LogSumExp");
  EXPECT_EQ(row(Op::kCat).operands, -1);
  EXPECT_TRUE(row(Op::kMul).commutative);
  EXPECT_FALSE(row(Op::kMatmul).commutative);
}

TEST(Graph, FieldsHaveTheShapesOfTheDesign) {
  EXPECT_EQ(field_name(Field::kProbsGlobal), "probs_global");
  EXPECT_EQ(to_string(field_type(Field::kChosen)), "float (T,E) tensor");
  EXPECT_EQ(to_string(field_type(Field::kLoadEma)), "float (E,) tensor");
  EXPECT_EQ(to_string(field_type(Field::kDevice)), "float (E,G) tensor");
  EXPECT_EQ(to_string(field_type(Field::kProgress)), "float");
  EXPECT_EQ(to_string(field_type(Field::kBias)), "float (E,) tensor");
}

}  // namespace
}  // namespace ballast::candidate
