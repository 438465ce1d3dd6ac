# SPDX-License-Identifier: Apache-2.0
# Build step of DojoBuildInfo.cmake: writes HEADER from VERSION, COMPILER, LIBRARIES and the git state of SOURCE.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12
  OUTPUT_VARIABLE git OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(git unknown)
endif()
set(text "// Made at build time by cmake/write_build_info.cmake.\n#pragma once\n")
string(APPEND text "#define DOJO_VERSION \"${VERSION}\"\n#define DOJO_GIT \"${git}\"\n")
string(APPEND text "#define DOJO_COMPILER \"${COMPILER}\"\n#define DOJO_LIBRARIES \"${LIBRARIES}\"\n")
set(before "")
if(EXISTS ${HEADER})
  file(READ ${HEADER} before)
endif()
if(NOT before STREQUAL text)
  file(WRITE ${HEADER} "${text}")
endif()
