//===- Module.h - a PTX text that has been loaded -------------------------*- C++ -*-===//
#ifndef ATTN_TEST_PTXMACHINE_MODULE_H
#define ATTN_TEST_PTXMACHINE_MODULE_H

#include "Decoder.h"
#include "GlobalMemory.h"

namespace ptx {

class Module {
public:
  /// Variables become memory of the device.
  Module(std::string text, GlobalMemory &memory);
  ~Module();
  Module(const Module &) = delete;

  /// Empty, or why it could not be loaded.
  const std::string &problem() const { return loadProblem; }
  const std::string &target() const { return content.target; }
  /// Null without one of this name.
  Kernel *find(std::string_view name);
  /// Decodes a kernel before its first launch; empty, or why not.
  std::string decode(Kernel &kernel);
  std::vector<Kernel> &kernels() { return all; }

private:
  void placeVariables();
  void placeParameters(const Entry &entry, Kernel &kernel);

  std::string text;
  GlobalMemory &memory;
  ModuleText content;
  SymbolTable globals, shared;
  std::vector<std::unique_ptr<uint8_t[]>> storage;
  std::vector<uint64_t> addresses;
  std::vector<Kernel> all; ///< in the order of the text's entries
  std::string loadProblem;
};

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_MODULE_H
