//===- Assembler.cpp - stands in for ptxas where kernels run on the machine
//--------------------===//
//
// `PTXAS=ptx-as attn-compile …` packs the text that ptxas would get as the image of a bundle. What
// the machine does not know is refused here, as ptxas refuses what it does not know.
//
//===--------------------------------------------------------------------------------------------===//
#include "Image.h"
#include "Module.h"

#include <cstdio>
#include <fstream>
#include <iterator>

static int complain(const std::string &text) {
  std::fprintf(stderr, "ptx-as: %s\n", text.c_str());
  return 1;
}

static int pack(const std::string &text, const char *path) {
  ptx::GlobalMemory memory;
  ptx::Module module(text, memory);
  if (!module.problem().empty())
    return complain(module.problem());
  for (ptx::Kernel &kernel : module.kernels()) {
    std::string problem = module.decode(kernel);
    if (!problem.empty())
      return complain(problem);
  }
  std::ofstream out(path, std::ios::binary);
  // The driver is given an address alone, so the text ends itself.
  out << fake::MachineCodeMark << text << '\0';
  return out.flush() ? 0 : complain(std::string("cannot write ") + path);
}

/// Takes ptxas's options of which only the names of the files matter.
int main(int count, char **arguments) {
  const char *source = nullptr, *image = nullptr;
  for (int i = 1; i < count; ++i) {
    std::string argument = arguments[i];
    if (argument == "-o" && i + 1 < count)
      image = arguments[++i];
    else if (argument == "-arch" && i + 1 < count)
      ++i;
    else if (argument[0] != '-')
      source = arguments[i];
  }
  if (!source || !image)
    return complain("expected `ptx-as [options] FILE -o IMAGE`");
  std::ifstream in(source, std::ios::binary);
  if (!in)
    return complain(std::string("cannot read ") + source);
  return pack(std::string(std::istreambuf_iterator<char>(in), {}), image);
}
