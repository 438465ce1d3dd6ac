# SPDX-License-Identifier: Apache-2.0
# dojo_module(NAME SOURCES a.cpp ... DEPENDS module ... LINK lib ... LINK_PRIVATE lib ...)
# One module as a static library dojo::NAME, or an interface library when it has no sources. Headers in include/dojo/NAME.
# DEPENDS and LINK reach the users of the module; LINK_PRIVATE stays inside its .cpp files.
set(DOJO_COMPILE_OPTIONS -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
# Messages name a source file as the project does, not where it lay on the machine that built the program.
list(APPEND DOJO_COMPILE_OPTIONS -ffile-prefix-map=${PROJECT_BINARY_DIR}/=build/ -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(DOJO_WARNINGS_AS_ERRORS)
  list(APPEND DOJO_COMPILE_OPTIONS -Werror)
endif()
set_property(GLOBAL PROPERTY DOJO_MODULE_TARGETS "")

function(dojo_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK;LINK_PRIVATE" ${ARGN})
  if(ARG_SOURCES)
    set(scope PUBLIC)
    add_library(dojo_${name} STATIC ${ARG_SOURCES})
    target_compile_options(dojo_${name} PRIVATE ${DOJO_COMPILE_OPTIONS})
    target_link_libraries(dojo_${name} PRIVATE ${ARG_LINK_PRIVATE})
    target_include_directories(dojo_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  else()
    set(scope INTERFACE)
    add_library(dojo_${name} INTERFACE)
  endif()
  add_library(dojo::${name} ALIAS dojo_${name})
  set_target_properties(dojo_${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(dojo_${name} ${scope} cxx_std_17)
  # Results are equal bit by bit on every machine: no fused multiply-add, in the users' inlined code neither.
  target_compile_options(dojo_${name} ${scope} -ffp-contract=off)
  target_include_directories(dojo_${name} ${scope}
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  list(TRANSFORM ARG_DEPENDS PREPEND dojo_)
  target_link_libraries(dojo_${name} ${scope} ${ARG_DEPENDS} ${ARG_LINK})
  set_property(GLOBAL APPEND PROPERTY DOJO_MODULE_TARGETS dojo_${name})
endfunction()
