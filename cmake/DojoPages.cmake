# SPDX-License-Identifier: Apache-2.0
# DOJO_PAGE_FILES: a source with what a page consists of, made of src/report/page: its style, its script, and the chart
# library that npm installs by package-lock.json. Without npm, or when it fails, pages have tables and no charts.
option(DOJO_CHARTS "Put the chart library of npm into the pages" ON)
set(DOJO_PAGE_DIR ${PROJECT_SOURCE_DIR}/src/report/page)
set(DOJO_NPM_DIR ${PROJECT_BINARY_DIR}/pages)
set(DOJO_PAGE_FILES ${DOJO_NPM_DIR}/page_files.cpp)
find_program(DOJO_NPM npm)
set(library ${DOJO_NPM_DIR}/chart_library.js)
if(NOT DOJO_CHARTS OR NOT DOJO_NPM)
  set(npm "")
  message(STATUS "No npm, or DOJO_CHARTS is off: pages have tables and no charts")
else()
  set(npm ${DOJO_NPM})
endif()
# What failed, or was done without npm, is tried again after the next configuration.
if(EXISTS ${DOJO_NPM_DIR}/failed OR NOT npm)
  file(REMOVE ${library} ${DOJO_NPM_DIR}/failed)
endif()
add_custom_command(OUTPUT ${library}
  COMMAND ${CMAKE_COMMAND} -DNPM=${npm} -DSOURCE=${DOJO_PAGE_DIR} -DFOLDER=${DOJO_NPM_DIR} -DTESTS=${DOJO_BUILD_TESTS}
    -DOUTPUT=${library} -P ${PROJECT_SOURCE_DIR}/cmake/write_chart_library.cmake
  DEPENDS ${DOJO_PAGE_DIR}/package.json ${DOJO_PAGE_DIR}/package-lock.json ${DOJO_PAGE_DIR}/chart_library.js
    ${PROJECT_SOURCE_DIR}/cmake/write_chart_library.cmake
  COMMENT "Installing the chart library of the pages (npm)" VERBATIM)
file(GLOB scripts CONFIGURE_DEPENDS ${DOJO_PAGE_DIR}/*.js)
list(REMOVE_ITEM scripts ${DOJO_PAGE_DIR}/chart_library.js)
add_custom_command(OUTPUT ${DOJO_PAGE_FILES}
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${DOJO_PAGE_DIR} -DLIBRARY=${library} -DOUTPUT=${DOJO_PAGE_FILES}
    -P ${PROJECT_SOURCE_DIR}/cmake/write_page_files.cmake
  DEPENDS ${library} ${scripts} ${DOJO_PAGE_DIR}/page.css ${PROJECT_SOURCE_DIR}/cmake/write_page_files.cmake
  COMMENT "" VERBATIM)
