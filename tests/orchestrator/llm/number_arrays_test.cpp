#include "orchestrator/llm/number_arrays.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "common/rng.h"

namespace ballast::orchestrator {
namespace {

using Json = nlohmann::json;

std::string holding(const std::string& inside) { return R"({"x": 1, "v":[)" + inside + R"(]})"; }

TEST(NumberArrays, ReadNumbersAsJsonDoes) {
  std::vector<std::string> numbers = {"0",
                                      "-0",
                                      "-0.0",
                                      "0e5",
                                      "1E+2",
                                      "-1e-2",
                                      "5.0",
                                      "1e20",
                                      "0.1",
                                      "1e308",
                                      "5e-324",
                                      "123456789012345678901234567890",
                                      "18446744073709551615",
                                      "9007199254740993",
                                      "-9223372036854775809",
                                      "2.2250738585072011e-308"};
  Rng rng(1);
  for (int i = 0; i < 1000; ++i) numbers.push_back(Json(static_cast<float>(rng.normal())).dump());
  for (const std::string& number : numbers) {
    const NumberArrays taken = take_number_arrays(holding(number), "v");
    ASSERT_EQ(taken.arrays.size(), 1u) << number;
    ASSERT_EQ(taken.arrays[0].size(), 1u) << number;
    EXPECT_EQ(std::bit_cast<uint64_t>(taken.arrays[0][0]),
              std::bit_cast<uint64_t>(Json::parse(number).get<double>()))
        << number;
  }
}

TEST(NumberArrays, TakeNoneWhereOneIsUnusual) {
  for (const char* inside :
       {"",     "1.",    ".5",     "-.5",  "01",   "-01",   "-",   "+1", "inf",
        "-inf", "nan",   "NaN",    "1.e5", "1e",   "0x10",  "1 2", "1,", ",1",
        "1,,2", "1e999", "1e-999", "true", "null", "\"1\"", "[1]", "{}", "1;2"})
    EXPECT_TRUE(take_number_arrays(R"({"a": {"v": [1, 2]}, "b": )" + holding(inside) + "}", "v")
                    .arrays.empty())
        << inside;
  for (const char* value : {"1", "\"\"", "{}", "[", "[1", "[1,", ""})
    EXPECT_TRUE(
        take_number_arrays(R"({"v": [1, 2], "v": )" + std::string(value), "v").arrays.empty())
        << value;
}

TEST(NumberArrays, LeaveTheRestAsItIs) {
  const NumberArrays taken = take_number_arrays(
      "{\"o\":\"v\", \"d\": [ {\"v\" :\n[ 1 , -2.5e1\t] , \"i\": 0}, "
      "{\"w\": [3], \"v\":[4]} ], \"v2\": [5]}",
      "v");
  EXPECT_EQ(taken.arrays, (std::vector<std::vector<double>>{{1, -25}, {4}}));
  EXPECT_EQ(taken.rest,
            "{\"o\":\"v\", \"d\": [ {\"v\":[] , \"i\": 0}, {\"w\": [3], \"v\":[]} ], \"v2\": [5]}");
}

TEST(NumberArrays, TakeNothingWhereThereIsNone) {
  for (const char* text : {"", "{}", R"({"v2": [1]})", R"(["v", 1])", "<html>", R"("\"v\":[1]")"}) {
    const NumberArrays taken = take_number_arrays(text, "v");
    EXPECT_TRUE(taken.arrays.empty()) << text;
    EXPECT_EQ(taken.rest, "") << text;
  }
}

}  // namespace
}  // namespace ballast::orchestrator
