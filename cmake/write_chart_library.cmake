# SPDX-License-Identifier: Apache-2.0
# Build step of DojoPages.cmake: OUTPUT is one script with the chart library and its licences, or an empty file when there
# is no NPM or it fails. Packages are those of package-lock.json, checked by their hashes; none of their scripts runs.
function(give_up reason)
  message(WARNING "${reason}; the pages of this program have tables and no charts")
  file(WRITE ${FOLDER}/failed "${reason}\n")
  file(WRITE ${OUTPUT} "")
endfunction()

file(MAKE_DIRECTORY ${FOLDER})
if(NOT NPM)
  give_up("npm is not there, or DOJO_CHARTS is off")
  return()
endif()
file(COPY ${SOURCE}/package.json ${SOURCE}/package-lock.json ${SOURCE}/chart_library.js DESTINATION ${FOLDER}/npm)
set(what --ignore-scripts --no-audit --no-fund --loglevel=error --prefer-offline --fetch-retries=1)
if(NOT TESTS)
  list(APPEND what --omit=dev)
endif()
execute_process(COMMAND ${NPM} ci ${what} WORKING_DIRECTORY ${FOLDER}/npm RESULT_VARIABLE failed OUTPUT_QUIET
  ERROR_VARIABLE words)
if(failed)
  string(STRIP "${words}" words)
  give_up("npm ci failed: ${words}")
  return()
endif()
execute_process(COMMAND ${FOLDER}/npm/node_modules/.bin/esbuild chart_library.js --bundle --minify --format=iife
    --log-level=error --outfile=bundle.js
  WORKING_DIRECTORY ${FOLDER}/npm RESULT_VARIABLE failed ERROR_VARIABLE words)
if(failed)
  give_up("esbuild failed: ${words}")
  return()
endif()

# The licences ask that their words go where the code goes.
set(modules ${FOLDER}/npm/node_modules)
file(READ ${modules}/echarts/NOTICE notice)
file(READ ${modules}/echarts/licenses/LICENSE-d3 d3)
file(READ ${modules}/zrender/LICENSE zrender)
file(READ ${modules}/tslib/CopyrightNotice.txt tslib)
file(READ ${FOLDER}/npm/bundle.js bundle)
set(header "${notice}\nApache ECharts is under the Apache License 2.0: www.apache.org/licenses/LICENSE-2.0\n")
string(APPEND header "\nParts of it come from d3:\n${d3}\nIt holds ZRender:\n${zrender}\nand tslib:\n${tslib}\n")
string(REPLACE "*/" "* /" header "${header}")
string(REPLACE "/*" "/ *" header "${header}")
string(REPLACE "<" "(" header "${header}")
file(WRITE ${OUTPUT} "/*\n${header}*/\n${bundle}")
