//===- Header.cpp - the C header of a bundle ------------------------------===//

#include "attn/Artifact/Bundle.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

struct CType {
  StringRef dtype, pointer, code;
};

} // namespace

/// 16-bit floating point has no C type everywhere, so its bits travel.
static const CType &cTypeOf(StringRef dtype) {
  static const CType types[] = {{"f32", "float", "ATTN_F32"},    {"bf16", "uint16_t", "ATTN_BF16"},
                                {"f16", "uint16_t", "ATTN_F16"}, {"i64", "int64_t", "ATTN_I64"},
                                {"i32", "int32_t", "ATTN_I32"},  {"f64", "double", "ATTN_F64"},
                                {"i8", "int8_t", "ATTN_I8"}};
  for (const CType &type : types)
    if (type.dtype == dtype)
      return type;
  llvm_unreachable("gatherKernelInfo only lets these types through");
}

/// The parameter for a dimension the caller chooses: [batch][head][sequence][size] and
/// [batch][head][sequence] have words, others numbers.
static std::string dimensionName(size_t rank, size_t dimension) {
  if (rank >= 3 && dimension == 0)
    return "batch";
  if (rank >= 3 && dimension == 2)
    return "length";
  return "size" + std::to_string(dimension);
}

static std::string shapeText(const ArgumentInfo &argument) {
  std::string text;
  for (auto [i, size] : llvm::enumerate(argument.shape))
    text += "[" +
            (ShapedType::isDynamic(size) ? dimensionName(argument.shape.size(), i)
                                         : std::to_string(size)) +
            "]";
  return text.empty() ? "one value" : text;
}

/// `float *data, int64_t batch, int64_t length`
static std::string makerParameters(const ArgumentInfo &argument) {
  std::string text = argument.isOutput ? "" : "const ";
  text += (cTypeOf(argument.dtype).pointer + " *data").str();
  for (auto [i, size] : llvm::enumerate(argument.shape))
    if (ShapedType::isDynamic(size))
      text += ", int64_t " + dimensionName(argument.shape.size(), i);
  return text;
}

static void printMaker(raw_ostream &os, const EntryInfo &entry, const ArgumentInfo &argument) {
  size_t rank = argument.shape.size();
  os << "/** " << (argument.isOutput ? "Output" : "Input") << " `" << argument.name
     << "`: " << argument.dtype << ", " << shapeText(argument) << ", contiguous. */\n"
     << "static inline attn_tensor " << entry.name << "_" << argument.name << "("
     << makerParameters(argument) << ") {\n";
  if (rank > 0) {
    os << "  const int64_t sizes[] = {";
    for (auto [i, size] : llvm::enumerate(argument.shape))
      os << (i ? ", " : "")
         << (ShapedType::isDynamic(size) ? dimensionName(rank, i) : std::to_string(size));
    os << "};\n";
  }
  os << "  return attn_contiguous((void *)data, " << cTypeOf(argument.dtype).code << ", " << rank
     << ", " << (rank > 0 ? "sizes" : "0") << ");\n}\n\n";
}

/// The last parameter of an entry. A GPU's entries return when the kernel is launched.
static StringRef lastParameter(bool isGpu) { return isGpu ? "void *stream" : "int32_t threads"; }

/// Who calls an entry with which caches, where its spec says so.
static std::string layersText(const EntryInfo &entry) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (!entry.layers.empty()) {
    os << " For layer" << (entry.layers.size() > 1 ? "s " : " ");
    llvm::interleaveComma(entry.layers, os);
    os << ".";
  }
  if (entry.kvFrom)
    os << " Reads the cache of layer " << *entry.kvFrom << ".";
  return text;
}

static void printCall(raw_ostream &os, const EntryInfo &entry, bool isGpu) {
  StringRef last = lastParameter(isGpu), lastName = isGpu ? "stream" : "threads";
  os << "/** The entry itself: " << entry.arguments.size() << " tensors, inputs then outputs."
     << layersText(entry) << " */\n"
     << "int32_t " << entry.name << "(const attn_tensor *args, int64_t num_args, " << last
     << ");\n\n"
     << (isGpu ? "/** The same with one parameter per tensor. Data lies in device memory (scalars "
                 "on the host); the kernel runs on\n"
                 "    the CUDA stream, null for the default one. */\n"
               : "/** The same with one parameter per tensor; threads <= 0 means all. */\n")
     << "static inline int32_t " << entry.name << "_run(";
  for (const ArgumentInfo &argument : entry.arguments)
    os << "attn_tensor " << argument.name << ", ";
  os << last << ") {\n  const attn_tensor args[] = {";
  llvm::interleaveComma(entry.arguments, os,
                        [&](const ArgumentInfo &argument) { os << argument.name; });
  os << "};\n  return " << entry.name << "(args, " << entry.arguments.size() << ", " << lastName
     << ");\n}\n";
}

/// `*/` inside would end the comment.
static std::string commentText(StringRef text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i)
    out += text.substr(i, 2) == "*/" ? "* " : text.substr(i, 1).str();
  return out;
}

std::string attn::printHeader(const KernelInfo &info) {
  std::string text;
  llvm::raw_string_ostream os(text);
  std::string guard = "ATTN_KERNEL_" + StringRef(info.name).upper() + "_H";
  os << "/* " << info.name << ": attention kernels, compiled by attn-mlir for " << info.targetName
     << ".\n   Link " << libraryFileName(info) << ". */\n\n"
     << "#ifndef " << guard << "\n#define " << guard << "\n\n"
     << "#include \"attn_runtime.h\"\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
  for (const std::string &spec : info.specs)
    os << "\n/* " << commentText(spec) << " */\n";
  for (const EntryInfo &entry : info.entries) {
    os << "\n";
    for (const ArgumentInfo &argument : entry.arguments)
      printMaker(os, entry, argument);
    printCall(os, entry, info.isGpu);
  }
  os << "\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* " << guard << " */\n";
  return text;
}
