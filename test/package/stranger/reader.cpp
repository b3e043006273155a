//===- reader.cpp - opens a bundle with the runtime and names its entries ---===//
#include "attn/Runtime/Bundle.h"

#include <cstdio>

int main(int argc, char **argv) {
  std::string error;
  auto bundle = argc == 2 ? attn_rt::Bundle::open(argv[1], error) : nullptr;
  if (!bundle) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  std::printf("%s for %s\n", bundle->name().c_str(), bundle->target().c_str());
  for (const attn_rt::Entry &entry : bundle->entries())
    std::printf("%s: %zu arguments\n", entry.name.c_str(), entry.arguments.size());
  return 0;
}
