#===- AddAttn.cmake - functions that define this project's targets ---===#
#
# attn_add_library(Name source... [LINK lib...] [PLAIN])
#   A static library of one room. LINK lists attn libraries only; the shared MLIR and LLVM are
#   added. PLAIN: no LLVM and no precompiled header (the runtime). What a room may include is what
#   it links: generated headers of a library exist only for those who link it.
#
# attn_add_dialect(Name BASE [ATTRS td] [TYPES td] [OPS td] [ENUMS td] [INTERFACES td...])
#   Table generation beside the caller's CMakeLists.txt for the library Name (define that library
#   with attn_add_library in the same file). `attn_add_dialect(AttnIR attn …)` writes, for
#   OPS AttnOps.td:            AttnOps.h.inc, AttnOps.cpp.inc
#   for the dialect itself:    DIALECT AttnDialect.td -> AttnDialect.h.inc, AttnDialect.cpp.inc
#   for ATTRS AttnAttrs.td:    AttnAttrs.h.inc, AttnAttrs.cpp.inc        (attributes)
#   for TYPES AttnTypes.td:    AttnTypes.h.inc, AttnTypes.cpp.inc        (types)
#   for ENUMS AttnEnums.td:    AttnEnums.h.inc, AttnEnums.cpp.inc; enums that stand in a file of
#              attributes, ENUMS AttnAttrs.td, get the same names
#   for INTERFACES X.td:       X.h.inc, X.cpp.inc                        (op interfaces)
#              ATTR_INTERFACES, TYPE_INTERFACES likewise.
#   Every keyword takes one or more files. They are included as "attn/IR/AttnOps.h.inc".
#
# attn_add_passes(Room)
#   include/attn/<Room>/Passes.td -> "attn/<Room>/Passes.h.inc" (-gen-pass-decls -name=<Room>)
#   for the library Attn<Room>. A room within a room, Target/CPU, is named TargetCPU.
#
# attn_tablegen(Library td-file output-file option...)
#   One more table-generated file for a library, when the two above do not fit.
#
# attn_add_tool(name source... [LINK lib...])
#   A program in build/<preset>/bin, installed.
# attn_add_tool(name source... ALONE lib... ARCHIVES archive...)
#   The same without LLVM's shared libraries: of our libraries and the archives only what is used.
#
# attn_add_unittest(Name source... [LINK lib...])
#   A GoogleTest program build/<preset>/test/unit/Name (name ends in Tests), part of check-attn.

include_guard()
set(ATTN_INCLUDE_ROOTS
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/dialects
  ${PROJECT_BINARY_DIR}/include ${PROJECT_BINARY_DIR}/dialects)

# The precompiled header: one object library whose only purpose is to own it.
if(ATTN_USE_PCH AND NOT TARGET AttnPch)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/AttnPch.cpp
       CONTENT "// Owns the precompiled header that every library reuses.\n")
  add_library(AttnPch STATIC ${PROJECT_BINARY_DIR}/AttnPch.cpp)
  target_precompile_headers(AttnPch PRIVATE ${PROJECT_SOURCE_DIR}/cmake/AttnPch.h)
endif()

function(_attn_use_pch target)
  if(ATTN_USE_PCH)
    target_precompile_headers(${target} REUSE_FROM AttnPch)
  endif()
endfunction()

function(attn_add_library name)
  cmake_parse_arguments(ARG "PLAIN" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_PLAIN)
    # Without LLVM's headers in reach an include of them fails here, not at a user's.
    set_target_properties(${name} PROPERTIES INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/include)
  else()
    target_link_libraries(${name} PUBLIC MLIR LLVM)
    _attn_use_pch(${name})
  endif()
  if(TARGET ${name}Gen)
    add_dependencies(${name} ${name}Gen)
  endif()
  set_property(GLOBAL APPEND PROPERTY ATTN_LIBRARIES ${name})
  if(ARG_PLAIN)
    set_property(GLOBAL APPEND PROPERTY ATTN_PLAIN_LIBRARIES ${name})
  endif()
endfunction()

function(attn_tablegen library td output)
  get_filename_component(td ${td} ABSOLUTE)
  list(TRANSFORM ATTN_INCLUDE_ROOTS PREPEND -I OUTPUT_VARIABLE includes)
  list(TRANSFORM MLIR_INCLUDE_DIRS PREPEND -I OUTPUT_VARIABLE mlirIncludes)
  get_filename_component(folder ${output} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${output}
    COMMAND mlir-tblgen ${ARGN} ${includes} ${mlirIncludes} ${td} -o ${output} -d ${output}.d
    DEPENDS ${td} DEPFILE ${output}.d
    COMMENT "Generating ${output}" VERBATIM)
  string(MD5 id ${output})
  add_custom_target(${library}Gen-${id} DEPENDS ${output})
  if(NOT TARGET ${library}Gen)
    add_custom_target(${library}Gen)
  endif()
  add_dependencies(${library}Gen ${library}Gen-${id})
  if(TARGET ${library})
    add_dependencies(${library} ${library}Gen)
  endif()
endfunction()

# Both halves (declarations, definitions) of each file in ARGN beside the caller's folder.
function(_attn_tablegen_pair library declOption defOption extra)
  foreach(td ${ARGN})
    get_filename_component(base ${td} NAME_WE)
    if(declOption STREQUAL "-gen-enum-decls")
      string(REGEX REPLACE "Attrs$" "Enums" base ${base})
    endif()
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${base})
    attn_tablegen(${library} ${td} ${out}.h.inc ${declOption} ${extra})
    attn_tablegen(${library} ${td} ${out}.cpp.inc ${defOption} ${extra})
  endforeach()
endfunction()

function(attn_add_dialect library dialect)
  cmake_parse_arguments(ARG "" ""
    "DIALECT;ATTRS;TYPES;OPS;ENUMS;INTERFACES;ATTR_INTERFACES;TYPE_INTERFACES" ${ARGN})
  set(of --dialect=${dialect})
  _attn_tablegen_pair(${library} -gen-dialect-decls -gen-dialect-defs ${of} ${ARG_DIALECT})
  _attn_tablegen_pair(${library} -gen-enum-decls -gen-enum-defs "" ${ARG_ENUMS})
  foreach(kind ATTR TYPE)
    string(TOLOWER ${kind} lower)
    _attn_tablegen_pair(${library} -gen-${lower}def-decls -gen-${lower}def-defs
      --${lower}defs-dialect=${dialect} ${ARG_${kind}S})
    _attn_tablegen_pair(${library} -gen-${lower}-interface-decls -gen-${lower}-interface-defs
      "" ${ARG_${kind}_INTERFACES})
  endforeach()
  _attn_tablegen_pair(${library} -gen-op-decls -gen-op-defs ${of} ${ARG_OPS})
  _attn_tablegen_pair(${library} -gen-op-interface-decls -gen-op-interface-defs
    "" ${ARG_INTERFACES})
endfunction()

function(attn_add_passes room)
  string(REPLACE "/" "" name ${room})
  attn_tablegen(Attn${name} ${PROJECT_SOURCE_DIR}/include/attn/${room}/Passes.td
    ${PROJECT_BINARY_DIR}/include/attn/${room}/Passes.h.inc -gen-pass-decls -name=${name})
  set_property(GLOBAL APPEND PROPERTY ATTN_PASS_ROOMS ${room})
endfunction()

function(attn_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK;ALONE;ARCHIVES" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  if(ARG_ALONE)
    # As files: as targets they would bring the shared libraries along.
    list(TRANSFORM ARG_ALONE REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE files)
    add_dependencies(${name} ${ARG_ALONE})
    target_link_libraries(${name} PRIVATE ${files} ${ARG_ARCHIVES})
    target_link_options(${name} PRIVATE -Wl,--gc-sections -static-libstdc++ -static-libgcc)
    set_target_properties(${name} PROPERTIES LINK_DEPENDS "${files}")
  else()
    target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
  endif()
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  set_property(GLOBAL APPEND PROPERTY ATTN_TOOLS ${name})
endfunction()

function(attn_add_unittest name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM GTest::gtest GTest::gtest_main)
  _attn_use_pch(${name})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test/unit)
  set_property(GLOBAL APPEND PROPERTY ATTN_UNITTESTS ${name})
endfunction()
