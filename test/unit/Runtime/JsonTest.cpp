//===- JsonTest.cpp - the runtime's reader of JSON ------------------------===//

#include "Json.h"

#include <gtest/gtest.h>

using attn_rt::Json;
using attn_rt::parseJson;

static Json parsed(const std::string &text) {
  Json value;
  std::string error;
  EXPECT_TRUE(parseJson(text, value, error)) << text << " -> " << error;
  return value;
}

static std::string refusal(const std::string &text) {
  Json value;
  std::string error;
  EXPECT_FALSE(parseJson(text, value, error)) << text;
  return error;
}

TEST(Json, ReadsEveryKindOfValue) {
  Json value = parsed(R"( {"a": [1, -2.5e3, true, false, null, "x"], "b": {}} )");
  const std::vector<Json> &items = value.find("a")->items;
  ASSERT_EQ(items.size(), 6u);
  EXPECT_EQ(items[0].integer, 1);
  EXPECT_TRUE(items[1].is(Json::Kind::Real));
  EXPECT_EQ(items[1].real, -2500.0);
  EXPECT_TRUE(items[2].boolean);
  EXPECT_FALSE(items[3].boolean);
  EXPECT_TRUE(items[4].is(Json::Kind::Null));
  EXPECT_EQ(items[5].text, "x");
  EXPECT_TRUE(value.find("b")->is(Json::Kind::Object));
  EXPECT_EQ(value.find("c"), nullptr);
}

TEST(Json, KeepsTheOrderOfFields) {
  Json value = parsed(R"({"z": 1, "a": 2})");
  EXPECT_EQ(value.fields[0].first, "z");
  EXPECT_EQ(value.fields[1].first, "a");
}

TEST(Json, WholeNumbersAreExactUpTo64Bits) {
  EXPECT_EQ(parsed("9223372036854775807").integer, INT64_MAX);
  EXPECT_EQ(parsed("-9223372036854775808").integer, INT64_MIN);
  EXPECT_TRUE(parsed("9223372036854775808").is(Json::Kind::Real));
  EXPECT_TRUE(parsed("0").is(Json::Kind::Integer));
}

TEST(Json, UnescapesStrings) {
  EXPECT_EQ(parsed(R"("\"\\\/\b\f\n\r\t")").text, "\"\\/\b\f\n\r\t");
  EXPECT_EQ(parsed(R"("\u0041\u00e9\u20AC")").text, "A\xC3\xA9\xE2\x82\xAC");
  EXPECT_EQ(parsed(R"("\ud83d\ude00")").text, "\xF0\x9F\x98\x80");
}

TEST(Json, ErrorsNameLineAndColumn) {
  EXPECT_EQ(refusal("{\"a\": 1,\n  }"), "2:3: expected a field's name in quotes, found '}'");
  EXPECT_EQ(refusal("[1, 2"), "1:6: expected ',' or ']', found end of text");
  EXPECT_EQ(refusal(""), "1:1: expected a value, found end of text");
  EXPECT_EQ(refusal("{} x"), "1:4: expected end of text, found 'x'");
  EXPECT_EQ(refusal("{\"a\" 1}"), "1:6: expected ':', found '1'");
}

TEST(Json, RefusesWhatTheGrammarDoesNotHave) {
  for (const char *text : {"01",
                           "-",
                           "1.",
                           "1e",
                           "+1",
                           "tru",
                           "nul",
                           "'a'",
                           "[1,]",
                           "{\"a\":1,}",
                           "\"a",
                           "\"\n\"",
                           "\"\\x\"",
                           "\"\\u12g4\"",
                           "\"\\udc00\"",
                           "\"\\ud800x\"",
                           "\"\\ud800\\u0041\"",
                           "{a:1}",
                           "{\"a\":1,\"a\":2}",
                           "[}",
                           "NaN"})
    refusal(text);
  refusal(std::string("[1\0]", 4));
}

TEST(Json, BoundsNesting) {
  parsed(std::string(60, '[') + std::string(60, ']'));
  EXPECT_NE(refusal(std::string(100000, '[')).find("less nesting"), std::string::npos);
}
