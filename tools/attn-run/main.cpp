//===- main.cpp - attn-run: runs, compares and times kernels --------------===//

#include "attn/Driver/Run.h"

int main(int argc, char **argv) { return mlir::attn::runMain(argc, argv); }
