#include "common/json.h"

#include <gtest/gtest.h>

#include <bit>

#include "common/rng.h"

namespace ballast {
namespace {

std::string dumped(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double x : values) list.push_back(json_number(x));
  return list.dump();
}

TEST(NumberArray, IsWhatJsonDumps) {
  std::vector<double> values = {0,
                                -0.0,
                                1,
                                5.0,
                                -3,
                                0.1,
                                1e20,
                                1e21,
                                1e15,
                                1e16,
                                1e-4,
                                1e-5,
                                1e-7,
                                1e308,
                                5e-324,
                                1.0 / 3,
                                1e300 * 1e10,
                                -1e300 * 1e10,
                                std::numeric_limits<double>::quiet_NaN()};
  Rng rng(1);
  for (int i = 0; i < 2000; ++i) {
    values.push_back(rng.normal());
    values.push_back(static_cast<float>(rng.normal()));
    values.push_back(std::bit_cast<double>(rng.next()));
  }
  EXPECT_EQ(number_array(values), dumped(values));
  for (const double x : values) EXPECT_EQ(number_array(std::vector{x}), dumped({x}));
  EXPECT_EQ(number_array({}), "[]");
}

TEST(NumberArray, SaysWhatIsNotFinite) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(number_array(std::vector<double>{5, -kInf, kInf, kInf - kInf, 1e-7}),
            R"([5.0,"-inf","inf","nan",1e-07])");
}

}  // namespace
}  // namespace ballast
