#===- AttnBuildOptions.cmake - compiler, linker and cache settings of this build ---===#
# Only for building this project; nothing here reaches a project that uses the installed package.

# One set of code generation flags for libraries and programs alike: static libraries end in shared
# ones (libAttn, the plug-in), and a precompiled header is only shared between equal flags.
add_compile_options(-fPIC -fno-exceptions)
add_compile_options(-Wall -Wextra -Werror -Wno-unused-parameter)

# Same ABI switches as the packaged LLVM (it has RTTI, so no -fno-rtti).
separate_arguments(ATTN_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")
add_compile_options(${ATTN_LLVM_DEFINITIONS})
if(NOT LLVM_ENABLE_RTTI)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
endif()

# "attn/IR/AttnOps.h" lives in dialects/, "attn/Tiling/Passes.h" in include/; generated parts of
# both lie under the same two names in the build folder.
include_directories(
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/dialects
  ${PROJECT_BINARY_DIR}/include ${PROJECT_BINARY_DIR}/dialects)
include_directories(SYSTEM ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})

# lld links in a fraction of the time; use it when its version matches the compiler's.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  find_program(ATTN_LLD NAMES ld.lld HINTS ${LLVM_TOOLS_BINARY_DIR} NO_DEFAULT_PATH)
  if(ATTN_LLD)
    add_link_options(-fuse-ld=${ATTN_LLD})
  endif()
endif()

if(ATTN_SANITIZE)
  add_compile_options(-fsanitize=${ATTN_SANITIZE} -fno-sanitize=vptr)
  add_link_options(-fsanitize=${ATTN_SANITIZE})
endif()

find_program(ATTN_CCACHE ccache)
if(ATTN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # ccache accepts precompiled headers only with these two allowances.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${ATTN_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${ATTN_CCACHE})
  add_compile_options("$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Xclang -fno-pch-timestamp>")
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_BUILD_RPATH ${LLVM_LIBRARY_DIRS})
set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR};${LLVM_LIBRARY_DIRS}")
