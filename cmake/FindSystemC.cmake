# SPDX-License-Identifier: Apache-2.0
# Finds SystemC as SystemC::systemc: an upstream CMake package, else pkg-config, else header and library.
# Fails with a sentence when the library was built for another C++ standard than ours (the API-version symbol differs).
find_package(SystemCLanguage CONFIG QUIET)
if(NOT SystemCLanguage_FOUND)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(PC_SYSTEMC QUIET systemc)
  endif()
  find_path(SystemC_INCLUDE_DIR systemc HINTS ${PC_SYSTEMC_INCLUDE_DIRS})
  find_library(SystemC_LIBRARY systemc HINTS ${PC_SYSTEMC_LIBRARY_DIRS})
  mark_as_advanced(SystemC_INCLUDE_DIR SystemC_LIBRARY)
  if(SystemC_INCLUDE_DIR AND SystemC_LIBRARY AND NOT TARGET SystemC::systemc)
    add_library(SystemC::systemc UNKNOWN IMPORTED)
    set_target_properties(SystemC::systemc PROPERTIES
      IMPORTED_LOCATION ${SystemC_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${SystemC_INCLUDE_DIR})
  endif()
endif()

if(TARGET SystemC::systemc)
  get_target_property(include_dir SystemC::systemc INTERFACE_INCLUDE_DIRECTORIES)
  find_file(SystemC_VERSION_HEADER sysc/kernel/sc_ver.h HINTS ${include_dir})
  mark_as_advanced(SystemC_VERSION_HEADER)
  if(SystemC_VERSION_HEADER)
    file(READ ${SystemC_VERSION_HEADER} text)
    string(REGEX REPLACE ".*SC_VERSION_MAJOR +([0-9]+).*SC_VERSION_MINOR +([0-9]+).*SC_VERSION_PATCH +([0-9]+).*" "\\1.\\2.\\3"
      SystemC_VERSION "${text}")
  endif()
  include(CheckCXXSourceCompiles)
  block()
    set(CMAKE_CXX_STANDARD 17)
    set(CMAKE_CXX_STANDARD_REQUIRED ON)
    set(CMAKE_REQUIRED_LIBRARIES SystemC::systemc)
    set(CMAKE_REQUIRED_QUIET ON)
    check_cxx_source_compiles("#include <systemc>\nint sc_main(int, char**) { sc_core::sc_start(); return 0; }"
      SystemC_LINKS_WITH_CXX17)
  endblock()
  set(SystemC_FOUND_WORDS "SystemC::systemc")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(SystemC REQUIRED_VARS SystemC_FOUND_WORDS SystemC_LINKS_WITH_CXX17
  VERSION_VAR SystemC_VERSION
  REASON_FAILURE_MESSAGE "install libsystemc-dev, or a SystemC that was built with -std=c++17")
