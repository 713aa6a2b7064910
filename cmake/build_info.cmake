# Makes the two headers behind common/build_info.cpp. Included by common/CMakeLists.txt to declare the
# rules, and run by them as a script (cmake -DMODE=numeric|git ... -P) when something changed.
#
#   build_info_numeric_generated.h  hash over the sources that can change a number, compiler, flags, LibTorch
#   build_info_git_generated.h      the revision that is checked out

if(CMAKE_SCRIPT_MODE_FILE AND MODE STREQUAL "numeric")
  file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/common/* ${SOURCE}/candidate/* ${SOURCE}/kernels/*
       ${SOURCE}/trainer/*)
  list(SORT files)
  set(text "${COMPILER}|${FLAGS}|${LIBTORCH}")
  foreach(file IN LISTS files)
    if(file MATCHES "\\.(h|cpp|def|cu|cuh)$")
      file(SHA256 ${SOURCE}/${file} hash)
      string(APPEND text "\n${file} ${hash}")
    endif()
  endforeach()
  string(SHA256 hash "${text}")
  string(SUBSTRING ${hash} 0 12 hash)
  file(WRITE ${OUTPUT} "#define BALLAST_NUMERIC_BUILD \"${hash}\"\n#define BALLAST_VERSION \"${VERSION}\"\n"
       "#define BALLAST_COMPILER \"${COMPILER}\"\n#define BALLAST_LIBTORCH \"${LIBTORCH}\"\n")
  return()
endif()

if(CMAKE_SCRIPT_MODE_FILE AND MODE STREQUAL "git")
  set(revision "")
  if(GIT)
    execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --short=12 HEAD OUTPUT_VARIABLE revision
                    ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
  if(NOT revision)
    set(revision unknown)
  endif()
  file(WRITE ${OUTPUT} "#define BALLAST_GIT_REVISION \"${revision}\"\n")
  return()
endif()

# --- rules

# A source that is added or removed changes the hash too, hence the glob.
file(GLOB_RECURSE BALLAST_NUMERIC_SOURCES CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/common/* ${PROJECT_SOURCE_DIR}/candidate/* ${PROJECT_SOURCE_DIR}/kernels/*
  ${PROJECT_SOURCE_DIR}/trainer/*)
list(FILTER BALLAST_NUMERIC_SOURCES INCLUDE REGEX "\\.(h|cpp|def|cu|cuh)$")

string(TOUPPER "${CMAKE_BUILD_TYPE}" _type)
set(_libtorch none)
if(LibTorch_FOUND)
  set(_libtorch ${LibTorch_VERSION})
endif()
set(_script ${PROJECT_SOURCE_DIR}/cmake/build_info.cmake)
set(BALLAST_BUILD_INFO_DIR ${CMAKE_BINARY_DIR}/generated/common)

add_custom_command(
  OUTPUT ${BALLAST_BUILD_INFO_DIR}/build_info_numeric_generated.h
  COMMAND ${CMAKE_COMMAND} -DMODE=numeric -DSOURCE=${PROJECT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
    "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}, ${CMAKE_BUILD_TYPE}"
    "-DFLAGS=${CMAKE_SYSTEM_PROCESSOR} ${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${_type}} ${BALLAST_SANITIZE}"
    "-DLIBTORCH=${_libtorch}" -DOUTPUT=${BALLAST_BUILD_INFO_DIR}/build_info_numeric_generated.h -P ${_script}
  DEPENDS ${BALLAST_NUMERIC_SOURCES} ${_script}
  VERBATIM)

# git touches the reflog of HEAD at every commit and checkout.
find_package(Git QUIET)
set(_git_files "")
if(GIT_FOUND)
  foreach(_name IN ITEMS HEAD logs/HEAD)
    execute_process(COMMAND ${GIT_EXECUTABLE} -C ${PROJECT_SOURCE_DIR} rev-parse --git-path ${_name}
                    OUTPUT_VARIABLE _path ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(_path)
      get_filename_component(_path "${_path}" ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
    endif()
    if(EXISTS "${_path}")
      list(APPEND _git_files ${_path})
    endif()
  endforeach()
endif()
add_custom_command(
  OUTPUT ${BALLAST_BUILD_INFO_DIR}/build_info_git_generated.h
  COMMAND ${CMAKE_COMMAND} -DMODE=git -DSOURCE=${PROJECT_SOURCE_DIR} -DGIT=${GIT_EXECUTABLE}
    -DOUTPUT=${BALLAST_BUILD_INFO_DIR}/build_info_git_generated.h -P ${_script}
  DEPENDS ${_git_files} ${_script}
  VERBATIM)
