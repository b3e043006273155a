//===- BadConfigTest.cpp - every wrong config ends in a located error -----===//

#include "ParseForTest.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mlir::attn;
using namespace mlir::attn::test;

namespace {

/// Expects failure, and among the errors one that contains `part`.
void expectError(StringRef text, StringRef part) {
  Parsed parsed = parse(text);
  EXPECT_FALSE(parsed.ok()) << text.str();
  EXPECT_NE(parsed.text().find(part.str()), std::string::npos)
      << "wanted: " << part.str() << "\nfound: " << parsed.text();
}

/// A llama config, one key per line; `lines` replace or follow the defaults. Line 1 is the
/// brace, line 2 the type, and `lines` start at line 3.
std::string llama(StringRef lines) {
  std::string text = "{\n\"model_type\": \"llama\",\n" + lines.str();
  for (StringRef key : {"hidden_size", "num_attention_heads", "num_hidden_layers"})
    if (!lines.contains(("\"" + key + "\"").str()))
      text += ",\n\"" + key.str() + "\": " + (key == "hidden_size" ? "128" : "2");
  return text + "\n}\n";
}

void expectLlamaError(StringRef lines, StringRef part) { expectError(llama(lines), part); }

//===- Text
//------------------------------------------------------------------------------------===//

TEST(BadText, MalformedJSON) {
  expectError("{\n  \"model_type\": \"llama\",\n  \"hidden_size\" 5\n}",
              "m.json:3:17: error: expected well-formed JSON, found an error: Expected : after "
              "object key; look here for a missing comma");
  expectError("", "m.json:1:1: error: expected well-formed JSON");
  expectError("{", "m.json:1:1: error: expected well-formed JSON");
  expectError("{\"a\": 1,}", "m.json:1:9: error: expected well-formed JSON");
  expectError("{\"a\": nan}", "m.json:1:");
  expectError("{\"a\": 1} x", "m.json:1:");
  expectError(StringRef("{\"a\": \"\xff\"}"), "m.json:1:");
  expectError(StringRef("{\"a\0b\": 1}", 10), "m.json:1:");
}

TEST(BadText, NotAnObject) {
  for (StringRef text : {"[]", "3", "null", "\"llama\"", "true"})
    expectError(text, "m.json:1:1: error: expected a JSON object of config keys, found another");
}

TEST(BadText, DeepNesting) {
  std::string deep = "{\"a\": " + std::string(100000, '[');
  expectError(deep, "m.json:1:70: error: expected at most 64 levels of brackets, found more");
  std::string objects;
  for (int i = 0; i < 100000; ++i)
    objects += "{\"a\":";
  expectError(objects, "levels of brackets");
  // Brackets in strings do not nest.
  Parsed parsed = parse(llama("\"chat_template\": \"" + std::string(1000, '[') + "\\\"{\""));
  EXPECT_TRUE(parsed.ok()) << parsed.text();
}

TEST(BadText, HugeFile) {
  expectError(std::string((size_t(4) << 20) + 1, ' '), "m.json:1:1: error: expected a config of "
                                                       "at most 4 MiB, found 4194305 bytes");
}

TEST(BadText, KeyTwice) {
  expectLlamaError("\"hidden_size\": 128,\n\"hidden_size\": 256",
                   "m.json:4:16: error: expected every key once, found 'hidden_size' a second "
                   "time; keep one of them");
}

TEST(BadText, DottedKeysAreNotPaths) {
  Parsed parsed = parse(llama("\"a\": {\"b\": 1},\n\"a.b\": 2"));
  EXPECT_TRUE(parsed.ok()) << parsed.text();
}

TEST(BadText, LongNestedKeysTakeNoQuadraticMemory) {
  std::string text = "{\"model_type\": \"llama\", \"" + std::string(1 << 20, 'k') + "\": [0";
  for (int i = 0; i < 1 << 20; ++i)
    text += ",0";
  expectError(text + "]}", "expected 'hidden_size' to be a positive integer");
}

TEST(BadText, EveryPrefixAndEveryByteEndsInADiagnostic) {
  std::string text = llama("\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.5},\n"
                           "\"layer_types\": [\"full_attention\", \"full_attention\"]");
  ASSERT_TRUE(parse(text).ok()) << parse(text).text();
  for (size_t i = 0; i < text.size(); ++i) {
    Parsed cut = parse(StringRef(text).take_front(i));
    EXPECT_TRUE(cut.ok() || !cut.errors.empty()) << i;
    for (char c : {'\0', '"', '{', '}', '[', ']', ',', ':', '-', '9', 'e', '\\', '\x80'}) {
      std::string changed = text;
      changed[i] = c;
      Parsed parsed = parse(changed);
      EXPECT_TRUE(parsed.ok() || !parsed.errors.empty()) << i << " " << int(c);
    }
  }
}

//===- model_type
//------------------------------------------------------------------------------===//

TEST(BadModelType, Unknown) {
  Parsed parsed = parse("{\n  \"model_type\": \"lama\"\n}");
  ASSERT_FALSE(parsed.ok());
  ASSERT_EQ(parsed.errors.size(), 1u);
  StringRef error = parsed.errors[0];
  EXPECT_TRUE(error.starts_with("m.json:2:17: error: expected 'model_type' to be one of "));
  for (StringRef type : knownModelTypes())
    EXPECT_TRUE(error.contains(type)) << type.str();
  EXPECT_TRUE(error.ends_with("found \"lama\"; the nearest is \"llama\"")) << error.str();
}

TEST(BadModelType, NearestSuggestions) {
  expectError(R"({"model_type": "deepseek_v4"})", "the nearest is \"deepseek_v");
  expectError(R"({"model_type": "Gemma2"})", "the nearest is \"gemma2\"");
  expectError(R"({"model_type": "gpt-neox"})", "the nearest is \"gpt_neox\"");
  expectError("{\"model_type\": \"" + std::string(100000, 'x') + "\"}", "the nearest is");
  expectError(R"({"model_type": "llava", "text_config": {}})",
              "its 'text_config' may be readable as a config of its own");
}

TEST(BadModelType, AbsentOrNoString) {
  expectError("{}", "m.json:1:1: error: expected a 'model_type' key, found none; add it, one of");
  expectError(R"({"model_type": null})", "expected a 'model_type' key, found none");
  expectError(R"({"model_type": 3})",
              "m.json:1:16: error: expected 'model_type' to be a string, found the number 3");
}

//===- Numbers
//---------------------------------------------------------------------------------===//

TEST(BadNumbers, Missing) {
  for (StringRef type : knownModelTypes()) {
    Parsed parsed = parse(("{\"model_type\": \"" + type + "\"}").str());
    EXPECT_FALSE(parsed.ok()) << type.str();
    if (type == "gemma3")
      continue;
    EXPECT_NE(parsed.text().find("expected 'num_hidden_layers' to be a positive integer, found no "
                                 "such key"),
              std::string::npos)
        << parsed.text();
  }
  expectError(R"({"model_type": "gemma3"})", "m.json:1:1: error: expected 'text_config' to be an "
                                             "object, found none; give the whole config");
  expectLlamaError("\"hidden_size\": null", "m.json:3:16: error: expected 'hidden_size' to be a "
                                            "positive integer, found null; add it to the config");
}

TEST(BadNumbers, ZeroNegativeFractionString) {
  StringRef advice = "; correct this value";
  const std::pair<const char *, const char *> values[] = {
      {"0", "the number 0"}, {"-8", "the number -8"}, {"2.5", "the number 2.5"},
      {"true", "true"},      {"[2]", "a list of 1"},  {"{}", "an object"},
  };
  for (const auto &[value, found] : values)
    expectLlamaError((Twine("\"num_attention_heads\": ") + value).str(),
                     (Twine("m.json:3:24: error: expected 'num_attention_heads' to be an integer "
                            "from 1 to 65536, found ") +
                      found + advice)
                         .str());
  expectLlamaError("\"num_key_value_heads\": \"8\"",
                   "m.json:3:24: error: expected 'num_key_value_heads' to be an integer from 1 to "
                   "65536, found the string \"8\"; write the number without quotes");
}

TEST(BadNumbers, BeyondAllBounds) {
  for (StringRef value : {"9223372036854775807", "9223372036854775808", "18446744073709551615",
                          "18446744073709551616", "9.223372036854775807e18", "1e300", "1e999",
                          "-1e999", "340282366920938463463374607431768211456"})
    for (StringRef key : {"hidden_size", "num_attention_heads", "num_hidden_layers", "head_dim",
                          "num_key_value_heads"})
      expectLlamaError(("\"" + key + "\": " + value).str(), "to be an integer from 1 to ");
  expectLlamaError("\"rope_theta\": 1e999", "expected 'rope_theta' to be a finite number above 0");
  expectError(R"({"model_type": "qwen2", "hidden_size": 128, "num_attention_heads": 2,
                  "num_hidden_layers": 2, "max_window_layers": 1e300})",
              "expected 'max_window_layers' to be an integer from 0 to 10000");
}

TEST(BadNumbers, AllAreReportedAtOnce) {
  Parsed parsed = parse(llama("\"hidden_size\": \"x\",\n\"num_attention_heads\": 0,\n"
                              "\"rope_theta\": -1"));
  EXPECT_EQ(parsed.errors.size(), 3u) << parsed.text();
}

//===- Fields that disagree
//--------------------------------------------------------------------===//

TEST(BadFields, WidthNotDivisible) {
  expectLlamaError("\"hidden_size\": 130,\n\"num_attention_heads\": 4",
                   "m.json:3:16: error: expected 'hidden_size' to be divisible by the 4 attention "
                   "heads, found 130; correct one of them, or give 'head_dim'");
}

TEST(BadFields, KVHeadsNotDividing) {
  expectLlamaError("\"num_attention_heads\": 8,\n\"num_key_value_heads\": 3",
                   "m.json:4:24: error: expected 'num_key_value_heads' to divide the 8 query "
                   "heads, found 3; configs know even groups only");
  expectLlamaError("\"num_attention_heads\": 2,\n\"num_key_value_heads\": 4",
                   "to divide the 2 query heads, found 4");
}

TEST(BadFields, TwoNamesOfOneFact) {
  expectLlamaError("\"num_attention_heads\": 4,\n\"n_head\": 8",
                   "m.json:4:11: error: expected 'n_head' to agree with 'num_attention_heads', "
                   "found the number 8 against the number 4");
  expectLlamaError("\"torch_dtype\": \"float16\",\n\"dtype\": \"bfloat16\"",
                   "m.json:4:10: error: expected 'dtype' to agree with 'torch_dtype'");
}

TEST(BadFields, HeadTooLarge) {
  expectLlamaError("\"head_dim\": 1024", "expected 'head_dim' to be an integer from 1 to 512");
  expectLlamaError("\"hidden_size\": 4096,\n\"num_attention_heads\": 2",
                   "m.json:3:16: error: expected heads of at most 512 elements, found hidden_size "
                   "/ num_attention_heads = 2048");
}

TEST(BadFields, HeadDimOfADividingFamily) {
  expectError(R"({"model_type": "cohere2", "hidden_size": 128, "num_attention_heads": 2,
                  "num_hidden_layers": 2, "head_dim": 32})",
              "expected 'head_dim' to be hidden_size / num_attention_heads = 64");
  expectError(R"({"model_type": "gpt2", "n_embd": 128, "n_head": 2, "n_layer": 2,
                  "num_key_value_heads": 1})",
              "expected no 'num_key_value_heads'");
}

TEST(BadFields, DType) {
  expectLlamaError("\"torch_dtype\": \"int8\"",
                   "m.json:3:16: error: expected 'torch_dtype' to be float32, float16 or bfloat16, "
                   "found \"int8\"; choose one of the three");
  expectLlamaError("\"torch_dtype\": 16", "expected 'torch_dtype' to be a string");
}

TEST(BadFields, Flags) {
  expectLlamaError("\"attention_bias\": \"true\"",
                   "m.json:3:19: error: expected 'attention_bias' to be true or false, found the "
                   "string \"true\"; write it without quotes");
}

TEST(BadFields, LayerTypes) {
  expectLlamaError("\"layer_types\": [\"full_attention\"]",
                   "m.json:3:16: error: expected 'layer_types' to be a list of 2 strings, one per "
                   "layer, found a list of 1; make its length agree");
  expectLlamaError("\"layer_types\": [\"full_attention\",\n \"linear_attention\"]",
                   "m.json:4:2: error: expected 'layer_types[1]' to be \"full_attention\" or "
                   "\"sliding_attention\", found \"linear_attention\"");
  expectLlamaError("\"layer_types\": [\"full_attention\", 1]",
                   "m.json:3:35: error: expected 'layer_types[1]' to be a string");
  expectLlamaError("\"layer_types\": [\"full_attention\", \"sliding_attention\"]",
                   "expected 'sliding_window' to be set, since layer 1 is a sliding layer");
  expectLlamaError("\"layer_types\": \"full_attention\"", "to be a list of 2 strings");
}

TEST(BadFields, SmolLM3Layers) {
  auto smol = [](StringRef extra) {
    return (R"({"model_type": "smollm3", "hidden_size": 128, "num_attention_heads": 2,
                "num_hidden_layers": 2, )" +
            extra + "}")
        .str();
  };
  expectError(smol(R"("no_rope_layers": [1])"), "to be a list of 2 entries 0 or 1, one per layer");
  expectError(smol(R"("no_rope_layers": [1, 2])"), "expected 'no_rope_layers[1]' to be 0 or 1");
  expectError(smol(R"("no_rope_layer_interval": 0)"), "to be an integer from 1 to");
  expectError(smol(R"("layer_types": ["full_attention", "sliding_attention"])"),
              "since layer 1 is a sliding layer, found none in effect");
}

TEST(BadFields, UnreadVariants) {
  expectError(R"({"model_type": "mpt", "d_model": 128, "n_heads": 2, "n_layers": 2,
                  "attn_config": {"qk_ln": true}})",
              "expected 'attn_config.qk_ln' to be false, found true; a norm across all heads");
  expectError(R"({"model_type": "mpt", "d_model": 128, "n_heads": 2, "n_layers": 2,
                  "attn_config": {"attn_type": "linear"}})",
              "expected 'attn_config.attn_type' to be multihead_attention");
  expectError(R"({"model_type": "gemma3", "text_config": {"use_bidirectional_attention": true}})",
              "expected 'text_config.use_bidirectional_attention' to be false");
  expectError(R"({"model_type": "gemma3", "text_config": 3})",
              "expected 'text_config' to be an object, found the number 3");
}

//===- Positions
//-------------------------------------------------------------------------------===//

TEST(BadRope, Dims) {
  expectLlamaError("\"partial_rotary_factor\": 1.5",
                   "m.json:3:26: error: expected 'partial_rotary_factor' to be at most 1, found "
                   "more rope dims than the head's 64");
  expectLlamaError("\"head_dim\": 63", "expected an even number of at least 2 rope dims, found 63");
  expectLlamaError("\"partial_rotary_factor\": 0.001", "found 0 of a head of 64");
  expectError("{\"model_type\": \"gptj\", \"n_embd\": 128, \"n_head\": 2, \"n_layer\": 2,\n"
              "\"rotary_dim\": 128}",
              "m.json:2:15: error: expected 'rotary_dim' to be even and at most the head's 64, "
              "found 128");
}

TEST(BadRope, Base) {
  expectLlamaError("\"rope_theta\": 0", "expected 'rope_theta' to be a finite number above 0");
  expectLlamaError("\"rope_theta\": 0.5", "expected the rope base to be above 1");
  expectLlamaError("\"rope_theta\": \"10000\"", "write the number without quotes");
}

TEST(BadRope, Scaling) {
  expectLlamaError("\"rope_scaling\": {\n\"rope_type\": \"yarm\"}",
                   "m.json:4:14: error: expected 'rope_scaling.rope_type' to be default, linear, "
                   "dynamic, yarn, llama3 or longrope, found \"yarm\"");
  expectLlamaError("\"rope_scaling\": {\"rope_type\": \"linear\"}",
                   "m.json:3:17: error: expected 'rope_scaling.factor' to be a number above 0, "
                   "found no such key");
  expectLlamaError("\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": -2}",
                   "m.json:3:51: error: expected 'rope_scaling.factor' to be a finite number");
  expectLlamaError("\"rope_scaling\": {\"rope_type\": \"linear\", \"type\": \"yarn\"}",
                   "expected 'rope_scaling.type' to agree with 'rope_scaling.rope_type'");
  expectLlamaError("\"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 2}",
                   "expected 'max_position_embeddings' to be a positive integer");
  expectLlamaError("\"max_position_embeddings\": 8,\n\"head_dim\": 2,\n"
                   "\"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 2}",
                   "expected more than 2 rope dims with dynamic scaling, found 2");
  expectLlamaError("\"rope_scaling\": \"linear\"", "expected 'rope_scaling' to be an object");
  expectLlamaError("\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, "
                   "\"low_freq_factor\": 4, \"high_freq_factor\": 1, "
                   "\"original_max_position_embeddings\": 8}",
                   "expected 'rope_scaling.low_freq_factor' to be below 'high_freq_factor'");
}

TEST(BadRope, LongRopeLists) {
  StringRef head = "\"max_position_embeddings\": 8,\n\"head_dim\": 4,\n\"rope_scaling\": "
                   "{\"type\": \"longrope\", \"short_factor\": [1, 1], ";
  expectLlamaError((head + "\"long_factor\": [1]}").str(),
                   "expected 'rope_scaling.long_factor' to be a list of 2 numbers, found a list");
  expectLlamaError((head + "\"long_factor\": [1, \"2\"]}").str(),
                   "expected 'rope_scaling.long_factor[1]' to be a finite number above 0, found "
                   "the string \"2\"");
  expectLlamaError((head + "\"other\": 1}").str(),
                   "expected 'rope_scaling.long_factor' to be a list of numbers above 0, found no");
}

TEST(BadRope, GenerationsDisagree) {
  expectLlamaError("\"rope_theta\": 1e4,\n\"rope_parameters\": {\"rope_theta\": 1e5}",
                   "m.json:3:15: error: expected 'rope_theta' to agree with "
                   "'rope_parameters.rope_theta', found different numbers");
  expectLlamaError("\"rope_scaling\": {\"type\": \"default\"},\n\"rope_parameters\": {}",
                   "m.json:3:17: error: expected either 'rope_parameters' or 'rope_scaling', found "
                   "both");
  expectError(R"({"model_type": "gpt_neox", "hidden_size": 128, "num_attention_heads": 2,
                  "num_hidden_layers": 2, "rope_theta": 1e4, "rotary_emb_base": 1e5})",
              "expected 'rotary_emb_base' to agree with 'rope_theta'");
  expectError(R"({"model_type": "gemma3_text", "num_hidden_layers": 6, "rope_parameters":
                  {"full_attention": {"rope_theta": 1e6}}})",
              "expected 'rope_parameters.sliding_attention', since layers of this type exist");
}

//===- Latent
//----------------------------------------------------------------------------------===//

std::string latent(StringRef extra) {
  return (R"({"model_type": "deepseek_v3", "hidden_size": 128, "num_attention_heads": 2,
              "num_hidden_layers": 2, )" +
          extra + "}")
      .str();
}

TEST(BadLatent, MissingAndContradictory) {
  expectError(latent(R"("qk_nope_head_dim": 8)"),
              "expected 'kv_lora_rank' to be a positive integer, found no such key");
  StringRef rest = R"("kv_lora_rank": 16, "qk_nope_head_dim": 8, "v_head_dim": 8, )";
  expectError(latent((rest + R"("qk_rope_head_dim": 7)").str()),
              "expected an even number of at least 2 rope dims, found 7");
  expectError(latent((rest + R"("qk_rope_head_dim": 8, "num_key_value_heads": 1)").str()),
              "expected 'num_key_value_heads' to equal the 2 query heads");
  expectError(latent((rest + R"("qk_rope_head_dim": 576)").str()), "to be at most 576, found 584");
}

//===- Diagnostics
//-----------------------------------------------------------------------------===//

TEST(Diagnostics, LongStringsAreCut) {
  Parsed parsed = parse(llama("\"num_attention_heads\": \"" + std::string(5000, 'x') + "\""));
  ASSERT_FALSE(parsed.errors.empty());
  EXPECT_LT(parsed.errors[0].size(), 300u);
}

TEST(Diagnostics, ColumnsOnCrlfLines) {
  expectError("{\r\n\"model_type\": 3\r\n}", "m.json:2:15: error:");
}

} // namespace
