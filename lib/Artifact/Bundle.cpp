//===- Bundle.cpp - writes files and folders that are whole or absent -----===//

#include "attn/Artifact/Bundle.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::attn;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static llvm::Error fail(StringRef what, StringRef where, std::error_code code) {
  return llvm::createStringError(code, "cannot " + what + " '" + where + "': " + code.message());
}

/// A name that nobody uses, beside `target`.
static std::string nameBeside(StringRef target) {
  SmallString<128> name;
  fs::createUniquePath(target.rtrim('/') + ".part-%%%%%%%%", name, /*MakeAbsolute=*/false);
  return std::string(name);
}

/// Messages speak of `shown`, the file a person asked for.
static llvm::Error writePlain(StringRef target, StringRef contents, StringRef shown) {
  std::error_code code;
  llvm::raw_fd_ostream os(target, code, fs::OF_None);
  if (code)
    return fail("write", shown, code);
  os << contents;
  os.close();
  if (!os.has_error())
    return llvm::Error::success();
  code = os.error();
  os.clear_error();
  return fail("write", shown, code);
}

llvm::Error attn::writeFile(StringRef target, StringRef contents) {
  if (target == "-") {
    llvm::outs() << contents;
    llvm::outs().flush();
    return llvm::Error::success();
  }
  // A device or a pipe cannot be replaced, only written.
  if (fs::exists(target) && !fs::is_regular_file(target))
    return fs::is_directory(target)
               ? fail("write", target, std::make_error_code(std::errc::is_a_directory))
               : writePlain(target, contents, target);
  std::string part = nameBeside(target);
  if (llvm::Error error = writePlain(part, contents, target)) {
    fs::remove(part);
    return error;
  }
  if (std::error_code code = fs::rename(part, target)) {
    fs::remove(part);
    return fail("write", target, code);
  }
  return llvm::Error::success();
}

BundleWriter::BundleWriter(StringRef folder) : folder(folder.rtrim('/')) {
  if (this->folder.empty())
    this->folder = folder.empty() ? "." : "/";
}

BundleWriter::~BundleWriter() {
  if (!staging.empty())
    fs::remove_directories(staging, /*IgnoreErrors=*/true);
}

llvm::Error BundleWriter::begin() {
  if (fs::exists(folder) && !fs::is_directory(folder))
    return fail("write a bundle to", folder, std::make_error_code(std::errc::not_a_directory));
  std::string name = nameBeside(folder == "." ? "bundle" : folder);
  if (std::error_code code = fs::create_directory(name, /*IgnoreExisting=*/false))
    return fail("write a bundle to", folder, code);
  staging = name;
  return llvm::Error::success();
}

std::string BundleWriter::pathOf(StringRef fileName) const {
  SmallString<128> full(staging);
  path::append(full, fileName);
  return std::string(full);
}

llvm::Error BundleWriter::add(StringRef fileName, StringRef contents) {
  std::string target = pathOf(fileName);
  return writePlain(target, contents, target);
}

void BundleWriter::remove(StringRef fileName) { fs::remove(pathOf(fileName)); }

llvm::Error BundleWriter::commit() {
  constexpr StringLiteral manifest = "manifest.json";
  if (!fs::exists(folder)) {
    if (std::error_code code = fs::rename(staging, folder))
      return fail("write a bundle to", folder, code);
    staging.clear();
    return llvm::Error::success();
  }
  // An older bundle is taken apart first: without a manifest nobody loads a mixture.
  fs::remove(folder + "/" + manifest.str());
  std::vector<std::string> names;
  std::error_code code;
  for (fs::directory_iterator it(staging, code), end; it != end && !code; it.increment(code))
    names.push_back(path::filename(it->path()).str());
  std::partition(names.begin(), names.end(),
                 [&](const std::string &name) { return name != manifest; });
  for (const std::string &name : names)
    if (std::error_code moved = fs::rename(pathOf(name), folder + "/" + name))
      return fail("write a bundle to", folder, moved);
  return llvm::Error::success();
}
