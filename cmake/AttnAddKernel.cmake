#===- AttnAddKernel.cmake - a spec or model configuration as an ordinary CMake target ---===#
#
# attn_add_kernel(target SPEC file [TARGET cpu|cpu:x86-64-v3|…] [DTYPE f32|bf16|f16]
#                 [ENTRY prefill|decode|append…])
#
# Compiles `file` (.mlir, or a Hugging Face config.json) with attn-compile when the project is
# built, and again whenever the file or the compiler changes. Linking to `target` gives the shared
# library and `#include "<kernel>.h"`, where <kernel> is the name of the spec or the model. The
# folder with all of the bundle is the target's property ATTN_BUNDLE.

# As a script, after attn-compile: gives the library, whose name only the manifest knows, the name
# that CMake was told before.
if(CMAKE_SCRIPT_MODE_FILE)
  get_filename_component(bundle ${ATTN_LIBRARY} DIRECTORY)
  file(READ ${bundle}/manifest.json manifest)
  string(JSON library GET "${manifest}" library)
  file(CREATE_LINK ${library} ${ATTN_LIBRARY} SYMBOLIC)
  return()
endif()

include_guard()
set(ATTN_ADD_KERNEL_FILE ${CMAKE_CURRENT_LIST_FILE})

function(attn_add_kernel target)
  cmake_parse_arguments(ARG "" "SPEC;TARGET;DTYPE" "ENTRY" ${ARGN})
  if(NOT ARG_SPEC OR ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "attn_add_kernel(${target}): expected SPEC <file> and, where wanted, "
      "TARGET, DTYPE and ENTRY; found '${ARGN}'")
  endif()
  get_filename_component(spec ${ARG_SPEC} ABSOLUTE)
  set(options)
  foreach(option TARGET DTYPE ENTRY)
    if(ARG_${option})
      string(TOLOWER ${option} flag)
      list(JOIN ARG_${option} "," value)
      list(APPEND options --${flag}=${value})
    endif()
  endforeach()

  set(bundle ${CMAKE_CURRENT_BINARY_DIR}/${target}.bundle)
  set(library ${bundle}/libattn-${target}.so)
  add_custom_command(
    OUTPUT ${library} ${bundle}/manifest.json
    COMMAND Attn::attn-compile ${spec} ${options} -o ${bundle}
    COMMAND ${CMAKE_COMMAND} -DATTN_LIBRARY=${library} -P ${ATTN_ADD_KERNEL_FILE}
    DEPENDS ${spec} Attn::attn-compile
    COMMENT "Compiling attention kernels of ${ARG_SPEC}" VERBATIM)
  add_custom_target(${target}-bundle DEPENDS ${library})

  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}-bundle)
  target_link_libraries(${target} INTERFACE ${library})
  target_include_directories(${target} INTERFACE ${bundle})
  set_target_properties(${target} PROPERTIES ATTN_BUNDLE ${bundle})
endfunction()
