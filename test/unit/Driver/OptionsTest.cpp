//===- OptionsTest.cpp - reading command lines ----------------------------===//

#include "attn/Driver/Options.h"

#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::attn;

namespace {

struct OptionsTest : public ::testing::Test {
  std::string color, file;
  bool verbose = false, report = false;
  int64_t count = 0;
  std::vector<std::string> inputs;
  OptionTable table;

  OptionsTest() {
    table.program = "paint";
    table.usage = "INPUT";
    table.positional = [this](StringRef value) {
      inputs.push_back(value.str());
      return std::string();
    };
    Option colors = choiceOption("color", "COLOR", "which", {"red", "green"},
                                 [this](StringRef value) { return keep(color, value); });
    colors.notBuilt = {"ultraviolet"};
    Option reports = choiceOption("report", "json", "tells", {"json"}, [this](StringRef) {
      report = true;
      return std::string();
    });
    reports.optionalValue = true;
    table.options = {colors, reports, flagOption("verbose", "says more", verbose),
                     numberOption("count", "how many", storeNumber(count, 0, 9)),
                     textOption("o", "FILE", "where", file)};
  }

  static std::string keep(std::string &target, StringRef value) {
    target = value.str();
    return "";
  }

  std::string parse(ArrayRef<StringRef> arguments) {
    bool wantsHelp = false;
    return table.parse(arguments, wantsHelp);
  }
};

} // namespace

TEST_F(OptionsTest, ReadsBothSpellingsOfValues) {
  EXPECT_EQ(parse({"a", "--color=red", "--count", "7", "-o", "x", "--verbose", "b"}), "");
  EXPECT_EQ(color, "red");
  EXPECT_EQ(count, 7);
  EXPECT_EQ(file, "x");
  EXPECT_TRUE(verbose);
  EXPECT_EQ(inputs, (std::vector<std::string>{"a", "b"}));
}

TEST_F(OptionsTest, AnOptionalValueDoesNotTakeTheNextArgument) {
  EXPECT_EQ(parse({"--report", "a"}), "");
  EXPECT_TRUE(report);
  EXPECT_EQ(inputs, std::vector<std::string>{"a"});
}

TEST_F(OptionsTest, DashesAloneAreInputs) {
  EXPECT_EQ(parse({"-", "--", "--verbose"}), "");
  EXPECT_EQ(inputs, (std::vector<std::string>{"-", "--verbose"}));
  EXPECT_FALSE(verbose);
}

TEST_F(OptionsTest, SuggestsTheNearest) {
  EXPECT_EQ(parse({"--colour=red"}), "unknown option '--colour'; did you mean '--color'?");
  EXPECT_EQ(parse({"--color=gren"}),
            "--color: expected one of red, green, found 'gren'; did you mean 'green'?");
  EXPECT_EQ(parse({"--xxxxxxxxxxxxxx"}), "unknown option '--xxxxxxxxxxxxxx'; see --help");
}

TEST_F(OptionsTest, RefusesWhatIsNotBuiltByName) {
  EXPECT_EQ(parse({"--color=ultraviolet"}),
            "--color: 'ultraviolet' is not built yet; available are red, green");
}

TEST_F(OptionsTest, RefusesNumbersOutOfRange) {
  for (const char *bad : {"10", "-1", "x", "", "1.5", "99999999999999999999"})
    EXPECT_EQ(parse({"--count", bad}),
              "--count: expected a whole number from 0 to 9, found '" + std::string(bad) + "'");
}

TEST_F(OptionsTest, RefusesMissingAndSurplusValues) {
  EXPECT_EQ(parse({"--count"}), "--count: expected a value (N), found none");
  EXPECT_EQ(parse({"--verbose=yes"}), "--verbose takes no value, found 'yes'");
  EXPECT_EQ(parse({"--color="}), "--color: expected one of red, green, found ''");
}

TEST_F(OptionsTest, HelpNamesEveryOption) {
  std::string text;
  llvm::raw_string_ostream os(text);
  table.printHelp(os);
  for (const char *part : {"usage: paint INPUT", "--color=COLOR", ": red, green", "--report[=json]",
                           "-o FILE", "--help"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
}
