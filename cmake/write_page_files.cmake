# SPDX-License-Identifier: Apache-2.0
# Build step of DojoPages.cmake: writes OUTPUT, C++ with the style and the script of SOURCE and with LIBRARY as texts. The
# modules become one: each after those that it imports. Their lines `import {...} from "./x.js";` go, and the word
# `export`; so all their names on the outer level have to differ, and node says so when they do not.
cmake_minimum_required(VERSION 3.25)
set(done "")
set(script "")
macro(add_module name)
  if(NOT "${name}" IN_LIST done)
    list(APPEND done ${name})
    add_text_of(${name})
  endif()
endmacro()
function(add_text_of name)
  file(READ ${SOURCE}/${name} text)
  string(REGEX MATCHALL "import {[^}]*} from \"\\./[a-z_]+\\.js\"" imports "${text}")
  foreach(import ${imports})
    string(REGEX REPLACE ".*\"\\./([a-z_]+\\.js)\"" "\\1" other "${import}")
    add_module(${other})
  endforeach()
  string(REGEX REPLACE "import {[^}]*} from \"\\./[a-z_]+\\.js\";\n" "" text "${text}")
  string(REGEX REPLACE "(^|\n)export " "\\1" text "${text}")
  string(REPLACE "// SPDX-License-Identifier: Apache-2.0\n" "" text "${text}")
  set(script "${script}${text}" PARENT_SCOPE)
  set(done "${done}" PARENT_SCOPE)
endfunction()
add_module(main.js)

file(READ ${SOURCE}/page.css style)
file(READ ${LIBRARY} library)
foreach(part style script library)
  string(FIND "${${part}}" ")page\"" end)
  string(FIND "${${part}}" "</script" tag)
  if(NOT end EQUAL -1 OR NOT tag EQUAL -1)
    message(FATAL_ERROR "The ${part} of the pages holds )page\" or </script, which would end it")
  endif()
endforeach()
file(WRITE ${OUTPUT}.new "// Made at build time by cmake/write_page_files.cmake.\n#include \"report/page.h\"\n
namespace dojo::report {\nconst PageFiles& page_files() {\n  static constexpr PageFiles kFiles{\n"
  "R\"page(${style})page\",\nR\"page(${script})page\",\nR\"page(${library})page\"};\n"
  "  return kFiles;\n}\n}  // namespace dojo::report\n")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
file(REMOVE ${OUTPUT}.new)
